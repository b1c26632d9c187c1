//! Shapes of tensors.

/// Tensors of more dimensions are left to others.
const MOST: usize = 8;

/// A shape of elements that lie row by row, without gaps.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    sizes: [i64; MOST],
    rank: usize,
    elements: usize,
}

impl Shape {
    /// A shape of these sizes; `None` if they are too many or too large.
    pub(crate) fn new(sizes: &[usize]) -> Option<Self> {
        let mut shape = Self {
            sizes: [0; MOST],
            rank: sizes.len(),
            elements: 1,
        };
        let places = shape.sizes.get_mut(..sizes.len())?;
        for (place, &size) in places.iter_mut().zip(sizes) {
            *place = i64::try_from(size).ok()?;
            shape.elements = shape.elements.checked_mul(size)?;
        }
        Some(shape)
    }

    /// The shape of a tensor; `None` if its elements lie otherwise, or if it has none.
    pub(super) fn without_gaps(sizes: &[i64], strides: &[i64]) -> Option<Self> {
        let mut all = [0; MOST];
        let checked = all.get_mut(..sizes.len())?;
        let mut step = 1_i64;
        for ((place, &size), &stride) in checked.iter_mut().zip(sizes).zip(strides).rev() {
            if size < 1 || (size > 1 && stride != step) {
                return None;
            }
            *place = usize::try_from(size).ok()?;
            step = step.checked_mul(size)?;
        }
        Self::new(checked)
    }

    /// How many elements it has.
    pub(crate) fn elements(&self) -> usize {
        self.elements
    }

    /// The product of all sizes but the last, and the last; `None` without dimensions.
    pub(crate) fn rows_columns(&self) -> Option<(usize, usize)> {
        let columns = usize::try_from(*self.sizes().last()?).ok()?;
        Some((self.elements.checked_div(columns)?, columns))
    }

    /// The two sizes of a matrix.
    pub(crate) fn matrix(&self) -> Option<(usize, usize)> {
        (self.rank == 2).then(|| self.rows_columns())?
    }

    /// The shape with another last size.
    pub(crate) fn with_columns(&self, columns: usize) -> Option<Self> {
        let (rows, _) = self.rows_columns()?;
        let mut shape = *self;
        *shape.sizes_mut().last_mut()? = i64::try_from(columns).ok()?;
        shape.elements = rows.checked_mul(columns)?;
        Some(shape)
    }

    fn sizes(&self) -> &[i64] {
        self.sizes.get(..self.rank).unwrap_or_default()
    }

    pub(super) fn sizes_mut(&mut self) -> &mut [i64] {
        self.sizes.get_mut(..self.rank).unwrap_or_default()
    }
}

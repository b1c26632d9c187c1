//! The errors of building and differentiating a network, with the numbers that caused them.

/// Why a call was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A shape with a dimension of 0; every dimension must be at least 1.
    #[error("shape {shape:?} has a dimension of 0, expected at least 1 everywhere")]
    ZeroDimension {
        /// The refused shape.
        shape: Vec<usize>,
    },
    /// A shape whose element count does not fit the address space.
    #[error("shape {shape:?} has more elements than can be addressed")]
    TooLarge {
        /// The refused shape.
        shape: Vec<usize>,
    },
    /// The number of elements is not what the shape says.
    #[error("shape {shape:?} has {expected} elements, but {found} were given")]
    ElementCount {
        /// The shape asked for.
        shape: Vec<usize>,
        /// Elements that the shape has.
        expected: usize,
        /// Elements that were given.
        found: usize,
    },
    /// A tensor does not have the shape that the operation needs.
    #[error("{what}: expected shape {expected}, found {found:?}")]
    Shape {
        /// The tensor and its operation.
        what: &'static str,
        /// The shape that the operation needs.
        expected: String,
        /// The tensor's shape.
        found: Vec<usize>,
    },
    /// `backward` starts from a scalar; a tensor with more elements needs a cotangent (`vjp`).
    #[error(
        "backward needs a loss of 1 element, found shape {shape:?}; give `vjp` a cotangent instead"
    )]
    NotScalar {
        /// The shape of the tensor to be differentiated.
        shape: Vec<usize>,
    },
    /// Nothing that the variable was computed from requires a gradient, or nothing was recorded.
    #[error("the variable does not depend on anything that requires a gradient")]
    NoGradient,
    /// The reverse pass already ran through this node and released what it had saved.
    #[error(
        "backward a second time through `{function}`, whose context is released; run the first pass with `backward_retain`"
    )]
    Released {
        /// The function whose context is gone.
        function: &'static str,
    },
    /// A variable of one tape was handed to another.
    #[error("a variable of another tape was given to {what}")]
    ForeignVar {
        /// The operation that was given the variable.
        what: &'static str,
    },
    /// A function was given, or returned, the wrong number of tensors.
    #[error("{what}: expected {expected}, found {found}")]
    Count {
        /// The things that were counted.
        what: &'static str,
        /// The right number.
        expected: usize,
        /// The number found.
        found: usize,
    },
    /// A function returned a gradient whose shape is not that of its input.
    #[error(
        "`{function}` returned a gradient of shape {found:?} for input {input} of shape {expected:?}"
    )]
    GradientShape {
        /// The function's name.
        function: &'static str,
        /// Index of the input.
        input: usize,
        /// The input's shape.
        expected: Vec<usize>,
        /// The gradient's shape.
        found: Vec<usize>,
    },
    /// A function returned a tangent whose shape is not that of its output.
    #[error(
        "`{function}` returned a tangent of shape {found:?} for output {output} of shape {expected:?}"
    )]
    TangentShape {
        /// The function's name.
        function: &'static str,
        /// Index of the output.
        output: usize,
        /// The output's shape.
        expected: Vec<usize>,
        /// The tangent's shape.
        found: Vec<usize>,
    },
    /// A function was asked for a pass that it does not offer.
    #[error("`{function}` does not offer {pass}")]
    NotOffered {
        /// The function's name.
        function: &'static str,
        /// The pass, with the method that would be it.
        pass: &'static str,
    },
    /// A parameter was changed in place between the forward pass and the use of its gradient.
    #[error(
        "parameter `{name}` was changed after the forward pass that its gradient belongs to; run the step after `add_to`, and a new forward pass after the step"
    )]
    ParamChanged {
        /// The parameter's name.
        name: String,
    },
    /// A function asked its context for something that is not there.
    #[error("slot {slot} of the {slots} that the context has for this pass holds no `{expected}`")]
    Saved {
        /// Position in the order of saving.
        slot: usize,
        /// The type that was asked for.
        expected: &'static str,
        /// The number of slots.
        slots: usize,
    },
    /// A function asked its context for a state that was not saved.
    #[error("the context holds no state of type `{expected}` for this pass")]
    NoSavedState {
        /// The type that was asked for.
        expected: &'static str,
    },
    /// A label names no class.
    #[error("label {label} of sample {sample}: expected less than the {classes} classes")]
    Label {
        /// Index of the sample.
        sample: usize,
        /// The sample's label.
        label: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A number that configures something lies outside its range.
    #[error("{what} is {found}, expected {expected}")]
    OutOfRange {
        /// The name of the number.
        what: &'static str,
        /// The range of allowed values.
        expected: &'static str,
        /// The value given.
        found: f64,
    },
    /// A tensor has an element that is infinite or NaN.
    #[error("{what}: element {index} is {found}, expected a finite number")]
    NotFinite {
        /// The tensor's role or name.
        what: &'static str,
        /// Index of the first such element, row-major.
        index: usize,
        /// The value of that element.
        found: f64,
    },
    /// An optimizer rule that only flips signs was given a parameter that is not binary.
    #[error(
        "`{name}` is not a binary parameter, and its rule knows only -1 and +1; put it in another group"
    )]
    NotBinary {
        /// The parameter's dotted name.
        name: String,
    },
    /// An analytic gradient differs from the numeric one.
    #[error(
        "gradient of input {input}, element {element}: analytic {analytic:e}, numeric {numeric:e}"
    )]
    GradientMismatch {
        /// Index of the input.
        input: usize,
        /// Index of the element, row-major.
        element: usize,
        /// The gradient by the function's backward pass.
        analytic: f64,
        /// The gradient by central differences.
        numeric: f64,
    },
    /// Forward mode and reverse mode give different directional derivatives.
    #[error("directional derivative: {forward:e} by forward mode, {reverse:e} by reverse mode")]
    ModesDisagree {
        /// The derivative by forward mode, `jvp`.
        forward: f64,
        /// The derivative by reverse mode, `backward`.
        reverse: f64,
    },
    /// An error in a layer of a network.
    #[error("layer `{layer}`: {error}")]
    InLayer {
        /// The layer's dotted name.
        layer: String,
        /// The error in that layer.
        error: Box<Error>,
    },
    /// The binary kernels refused a shape or an instruction set.
    #[error(transparent)]
    Core(#[from] bnn_core::Error),
}

impl Error {
    /// Adds the name of the layer in which the error arose. Names of outer layers go in front:
    /// `encoder.0.fc1`.
    ///
    /// [`Sequential`](crate::nn::Sequential) adds its layers' names; the `forward` of a network
    /// that is a plain struct adds them by `self.hidden.forward(x).map_err(|e|
    /// e.in_layer("hidden"))`.
    #[must_use]
    pub fn in_layer(self, name: &str) -> Self {
        match self {
            Self::InLayer { layer, error } => Self::InLayer {
                layer: format!("{name}.{layer}"),
                error,
            },
            error => Self::InLayer {
                layer: name.to_owned(),
                error: Box::new(error),
            },
        }
    }

    /// Checks that `found` has exactly the shape `expected`.
    pub(crate) fn check_shape(
        what: &'static str,
        expected: &[usize],
        found: &[usize],
    ) -> Result<(), Self> {
        if expected == found {
            return Ok(());
        }
        Err(Self::Shape {
            what,
            expected: format!("{expected:?}"),
            found: found.to_vec(),
        })
    }

    /// Checks that `found` items were given where `expected` are needed.
    pub(crate) fn check_count(
        what: &'static str,
        expected: usize,
        found: usize,
    ) -> Result<(), Self> {
        if expected == found {
            return Ok(());
        }
        Err(Self::Count {
            what,
            expected,
            found,
        })
    }

    /// Checks a configuration number against the range that `expected` words.
    pub(crate) fn check_range(
        what: &'static str,
        expected: &'static str,
        found: f64,
        inside: bool,
    ) -> Result<(), Self> {
        if inside {
            return Ok(());
        }
        Err(Self::OutOfRange {
            what,
            expected,
            found,
        })
    }
}

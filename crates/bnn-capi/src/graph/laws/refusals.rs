//! What no graph holds is refused when it is added, and changes nothing.

use super::*;

fn bits() -> *mut bnn_graph_t {
    new(bnn_element_t::BNN_ELEMENT_BITS, 1, [4, 4, 2])
}

fn expect_refused(expected: bnn_status_t, found: &[Result<usize, bnn_status_t>]) {
    for (i, found) in found.iter().enumerate() {
        assert_eq!(*found, Err(expected), "call {i}");
    }
}

#[test]
fn nodes_that_do_not_fit_are_refused_and_change_nothing() {
    let w = eighths(3 * 18, 1);
    let none = [&NONE[..]; 2];
    let build = |graph| {
        assert_eq!(
            conv(graph, 0, &padded(3), BNN_WEIGHTS_SIGNS, &w, none),
            Ok(1)
        );
    };
    let (plain, graph) = (bits(), bits());
    for graph in [plain, graph] {
        build(graph);
    }
    let (zeros, two) = ([0.0; 3], [0.0; 2]);
    // Numbers of nodes that there are not, here of two inputs and there of one.
    expect_refused(
        BNN_ERROR_RANGE,
        &[
            relu(graph, 2),
            relu(graph, usize::MAX),
            add(graph, 1, 2),
            concat(graph, 7, 1),
            sign(graph, 2, &zeros),
            conv(graph, 2, &padded(3), BNN_WEIGHTS_SIGNS, &w, none),
        ],
    );
    let whole = pool_options();
    let mut other = padded(3);
    other.height = 5;
    let mut grown = windows(3, 1);
    (grown.pad_left, grown.pad_right) = (1, 1);
    let mut odd = windows(3, 1);
    odd.pad_value = 2;
    let mut wide = windows(3, 4);
    (wide.stride_y, wide.stride_x) = (256, 1);
    expect_refused(
        BNN_ERROR_LAYER,
        &[
            // Bits where numbers are expected, and the other way round.
            relu(graph, 0),
            add(graph, 0, 1),
            affine(graph, 0, &two),
            sign(graph, 0, &two),
            pool(graph, 0, &whole, false),
            conv(graph, 1, &padded(2), BNN_WEIGHTS_SIGNS, &w, none),
            conv(graph, 0, &padded(3), BNN_WEIGHTS_F32, &w, none),
            conv(graph, 0, &padded(3), BNN_WEIGHTS_I8, &w, none),
            // Other sizes.
            affine(graph, 1, &two),
            sign(graph, 1, &two),
            concat(graph, 0, 1),
            conv(graph, 0, &other, BNN_WEIGHTS_SIGNS, &w, none),
            // What the format has no room for.
            conv(graph, 0, &grown, BNN_WEIGHTS_SIGNS, &w, none),
            conv(graph, 0, &wide, BNN_WEIGHTS_SIGNS, &[0.5_f32; 96], none),
            conv(graph, 1, &odd, BNN_WEIGHTS_F32, &w, none),
        ],
    );
    let mut large = padded(3);
    large.kernel_height = 7;
    expect_refused(
        BNN_ERROR_RANGE,
        &[conv(graph, 0, &large, BNN_WEIGHTS_SIGNS, &w, none)],
    );
    let mut indivisible = padded(3);
    indivisible.groups = 2;
    expect_refused(
        BNN_ERROR_INDIVISIBLE,
        &[conv(graph, 0, &indivisible, BNN_WEIGHTS_SIGNS, &w, none)],
    );
    let tails = [u64::MAX; 3];
    expect_refused(
        BNN_ERROR_TAIL_BITS,
        &[conv(graph, 0, &padded(3), BNN_WEIGHTS_BITS, &tails, none)],
    );
    let scaled = [&zeros[..], &NONE];
    expect_refused(
        BNN_ERROR_UNSUPPORTED,
        &[conv(
            graph,
            1,
            &padded(3),
            BNN_WEIGHTS_F32,
            &[0.5_f32; 81],
            scaled,
        )],
    );
    // SAFETY: the kind of the weights is refused before they are read, and NULL is legal but not
    // for both.
    unsafe {
        let w = w.as_ptr().cast();
        let of_kind = |kind| {
            node(|node| {
                let (scale, bias) = (optional(&NONE), optional(&NONE));
                bnn_graph_conv2d_f32(graph, 0, &padded(3), kind, w, scale, bias, node)
            })
        };
        expect_refused(BNN_ERROR_RANGE, &[of_kind(4), of_kind(-1)]);
        let both =
            node(|node| bnn_graph_affine_f32(graph, 1, optional(&NONE), optional(&NONE), 3, node));
        assert_eq!(both, Err(BNN_ERROR_NULL));
        let clamp = |low, high| node(|node| bnn_graph_clamp_f32(graph, 1, low, high, node));
        expect_refused(BNN_ERROR_RANGE, &[clamp(1.0, 0.5)]);
        let infinite = f32::INFINITY;
        expect_refused(
            BNN_ERROR_NOT_FINITE,
            &[clamp(f32::NAN, 1.0), clamp(0.0, infinite)],
        );
        let null = node(|node| bnn_graph_sign_f32(graph, 1, null(), 3, node));
        assert_eq!(null, Err(BNN_ERROR_NULL));
    }
    assert!(finish(graph).unwrap() == finish(plain).unwrap());
    free(graph);
    free(plain);
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let graph = bits();
    let w = eighths(3 * 18, 1);
    let none = [&NONE[..]; 2];
    assert_eq!(
        conv(graph, 0, &padded(3), BNN_WEIGHTS_SIGNS, &w, none),
        Ok(1)
    );
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let numbers = [0.5, odd, 1.0];
        let mut odd_w = w.clone();
        odd_w[7] = odd;
        expect_refused(
            BNN_ERROR_NOT_FINITE,
            &[
                conv(graph, 0, &padded(3), BNN_WEIGHTS_SIGNS, &odd_w, none),
                conv(
                    graph,
                    0,
                    &padded(3),
                    BNN_WEIGHTS_SIGNS,
                    &w,
                    [&numbers, &NONE],
                ),
                conv(
                    graph,
                    0,
                    &padded(3),
                    BNN_WEIGHTS_SIGNS,
                    &w,
                    [&NONE, &numbers],
                ),
                conv(graph, 1, &windows(2, 3), BNN_WEIGHTS_F32, &odd_w, none),
                affine(graph, 1, &numbers),
                sign(graph, 1, &numbers),
                // SAFETY: slices of 3 floats. What is folded is not finite.
                node(|node| unsafe {
                    let (gamma, beta) = (optional(&numbers), optional(&NONE));
                    let mean = [0.0; 3].as_ptr();
                    bnn_graph_batch_norm_f32(graph, 1, gamma, beta, mean, mean, 1.0, 3, node)
                }),
                // SAFETY: as above. Nothing is divided by 0.
                node(|node| unsafe {
                    let (gamma, beta) = (optional(&NONE), optional(&NONE));
                    let mean = [0.0; 3].as_ptr();
                    bnn_graph_batch_norm_f32(graph, 1, gamma, beta, mean, mean, 0.0, 3, node)
                }),
            ],
        );
    }
    free(graph);
}

#[test]
fn a_graph_that_could_not_be_finished_goes_on() {
    let graph = bits();
    assert_eq!(finish(graph), Err(BNN_ERROR_LAYER)); // no nodes
    let w = eighths(3 * 18, 1);
    let none = [&NONE[..]; 2];
    let shortcut = conv(graph, 0, &padded(3), BNN_WEIGHTS_SIGNS, &w, none).unwrap();
    let y = relu(graph, shortcut).unwrap();
    let other = relu(graph, shortcut).unwrap();
    assert_eq!(finish(graph), Err(BNN_ERROR_LAYER)); // nobody reads `y`
    assert_eq!(add(graph, y, other), Ok(4));
    // SAFETY: no byte is written before the graph is finished.
    assert_eq!(unsafe { bnn_graph_file(graph, &mut 0, 1) }, BNN_ERROR_LAYER);
    assert!(finish(graph).is_ok());
    assert_eq!(finish(graph), Err(BNN_ERROR_LAYER));
    assert_eq!(relu(graph, 4), Err(BNN_ERROR_LAYER));
    let dense = windows(1, 0);
    let late = conv(graph, 0, &dense, BNN_WEIGHTS_SIGNS, &w, none);
    assert_eq!(late, Err(BNN_ERROR_LAYER));
    free(graph);
}

#[test]
fn hostile_sizes_are_errors_not_allocations() {
    let begin = |h, w, c| {
        let (mut graph, bytes) = (null_mut(), bnn_element_t::BNN_ELEMENT_U8 as i32);
        // SAFETY: a place for the handle.
        let status = unsafe { bnn_graph_new(bytes, 8, h, w, c, &mut graph) };
        assert!(status == BNN_OK || graph.is_null());
        (status, graph)
    };
    assert_eq!(begin(0, 1, 1).0, BNN_ERROR_ZERO);
    for sizes in [[1 << 16, 1, 1], [1, 1 << 40, 1], [1, 1, usize::MAX]] {
        assert_eq!(begin(sizes[0], sizes[1], sizes[2]).0, BNN_ERROR_RANGE);
    }
    // The largest sample: whatever takes a number for each channel asks for those numbers.
    let (status, graph) = begin(1, 1, u32::MAX as usize);
    assert_eq!(status, BNN_OK);
    let one = [1.0];
    assert_eq!(affine(graph, 0, &one), Err(BNN_ERROR_LAYER));
    let whole = windows(usize::MAX, 0);
    let none = [&NONE[..]; 2];
    let huge = conv(graph, 0, &whole, BNN_WEIGHTS_SIGNS, &one, none);
    assert!(
        matches!(huge, Err(BNN_ERROR_OVERFLOW | BNN_ERROR_RANGE)),
        "{huge:?}"
    );
    free(graph);
    // Channels that double until there are too many.
    let (_, graph) = begin(1, 1, 1);
    let mut x = affine(graph, 0, &one).unwrap();
    for _ in 0..31 {
        x = concat(graph, x, x).unwrap();
    }
    assert_eq!(concat(graph, x, x), Err(BNN_ERROR_RANGE));
    assert_eq!(pool(graph, x, &pool_options(), false), Ok(x + 1));
    free(graph);
    // One node more than a file has.
    let (_, graph) = begin(1, 1, 1);
    let mut x = affine(graph, 0, &one).unwrap();
    while x < 1023 {
        x = relu(graph, x).unwrap();
    }
    assert_eq!(relu(graph, x), Err(BNN_ERROR_LAYER));
    assert!(finish(graph).is_ok());
    free(graph);
}

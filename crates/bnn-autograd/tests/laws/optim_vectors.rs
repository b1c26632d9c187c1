//! Optimizers, schedules and clipping do what PyTorch does (`vectors/make_optim_vectors.py`): in
//! f64 to 1e-12 and in f32 to 1e-5 of each tensor's largest magnitude; binary weights exactly.

use crate::common::{Bare, Case, both, check_steps};
use bnn_autograd::nn::{Module, Param, ParamKind, Sequential};
use bnn_autograd::optim::{
    Adam, AdamW, Bop, Course, DiodeMix, Optimizer, Rule, Schedule, Scheduled, Sgd, clip_grad_norm,
    clip_grad_value,
};
use bnn_autograd::{Real, Tensor};

fn load<T: Real>(name: &str) -> Case<T> {
    Case::load(include_str!("../vectors/optim_vectors.json"), name)
}

both! {
    gradient_descent_equals_pytorch => gradient_descent;
    adam_and_adamw_equal_pytorch => adam_and_adamw;
    bop_flips_as_the_paper_says => bop;
    diode_mix_flips_as_the_paper_says => diode_mix;
    schedules_equal_pytorch => schedules;
    clipping_by_norm_equals_pytorch => clipping_by_norm;
    clipping_by_value_equals_pytorch => clipping_by_value;
}

/// Runs a case with the schedule in the optimizer and in the rule.
#[track_caller]
fn check<T: Real>(
    name: &str,
    kind: ParamKind,
    rule: impl Rule<T> + Copy + 'static,
    schedule: Schedule,
) {
    let case = load(name);
    let mut optimizer = Optimizer::new(rule);
    optimizer.schedule = schedule;
    check_steps(&case, kind, &mut optimizer);
    let mut optimizer = Optimizer::new(Scheduled { rule, schedule });
    optimizer.schedule = Course::Constant(0.5).into();
    check_steps(&case, kind, &mut optimizer);
}

fn gradient_descent<T: Real>() {
    let always = Schedule::default();
    let sgd = |momentum| Sgd::new(0.1, momentum).unwrap();
    let decaying = |momentum| Sgd {
        weight_decay: 0.1,
        ..sgd(momentum)
    };
    let nesterov = Sgd {
        nesterov: true,
        ..decaying(0.9)
    };
    check::<T>("sgd_decay", ParamKind::Float, decaying(0.0), always);
    check::<T>(
        "sgd_momentum_decay",
        ParamKind::Float,
        decaying(0.9),
        always,
    );
    check::<T>("sgd_nesterov", ParamKind::Float, nesterov, always);
    let (every, factor) = (2, 0.1);
    let stairs = Course::Steps { every, factor }.into();
    check::<T>("sgd_scheduled", ParamKind::Float, sgd(0.9), stairs);
}

fn adam_and_adamw<T: Real>() {
    let always = Schedule::default();
    let adam = Adam::new(0.05).unwrap();
    let betas = (0.8, 0.99);
    let fast = Adam { betas, ..adam };
    check::<T>("adam", ParamKind::Float, fast, always);
    let decaying = Adam {
        weight_decay: 0.1,
        ..adam
    };
    check::<T>("adam_decay", ParamKind::Float, decaying, always);
    let adamw = AdamW::new(0.05, 0.1).unwrap();
    check::<T>("adamw", ParamKind::Float, adamw, always);
    let fast = AdamW { betas, ..adamw };
    let falling = Course::Exponential(0.7).into();
    check::<T>("adamw_scheduled", ParamKind::Float, fast, falling);
}

fn bop<T: Real>() {
    let bop = |gamma, threshold| Bop::new(gamma, threshold).unwrap();
    check::<T>(
        "bop",
        ParamKind::Binary,
        bop(0.25, 0.2),
        Schedule::default(),
    );
    let falling = Course::Exponential(0.9).into();
    check::<T>("bop_scheduled", ParamKind::Binary, bop(0.5, 0.1), falling);
}

fn diode_mix<T: Real>() {
    let diode = |b1, b2| DiodeMix {
        betas: (b1, b2),
        ..DiodeMix::new(0.01).unwrap()
    };
    check::<T>(
        "diode_mix",
        ParamKind::Binary,
        diode(0.7, 0.9),
        Schedule::default(),
    );
    let (from, to, steps) = (1.0, 0.25, 8);
    let falling = Course::Linear { from, to, steps }.into();
    check::<T>(
        "diode_mix_scheduled",
        ParamKind::Binary,
        diode(0.6, 0.8),
        falling,
    );
}

fn schedules<T: Real>() {
    let (from, to) = (0.25, 0.75);
    let (every, factor) = (7, 0.3);
    let courses = [
        ("steps", Course::Steps { every, factor }, 0),
        ("exponential", Course::Exponential(0.93), 0),
        (
            "linear",
            Course::Linear {
                from,
                to,
                steps: 30,
            },
            0,
        ),
        ("cosine", Course::Cosine { steps: 40 }, 0),
        ("warm_cosine", Course::Cosine { steps: 25 }, 5),
    ];
    for (name, course, warmup) in courses {
        let (case, schedule) = (load::<T>(name), Schedule { warmup, course });
        let factors: Vec<T> = (0..40).map(|step| T::from_f64(schedule.at(step))).collect();
        case.check("factors", &Tensor::new(factors, &[40]).unwrap());
    }
}

/// A model of two parameters with the gradients of a case.
fn with_gradients<T: Real>(case: &Case<T>) -> Sequential<T> {
    let param = |key| {
        let grad = case.get(key).clone();
        let mut param = Param::new(ParamKind::Float, grad.clone());
        param.add_grad(grad).unwrap();
        Bare(param)
    };
    Sequential::default()
        .then(param("grad0"))
        .then(param("grad1"))
}

#[track_caller]
fn check_gradients<T: Real>(case: &Case<T>, model: &Sequential<T>) {
    model.params(&mut |name, param| {
        let key = format!("clipped{}", name.trim_end_matches(".p"));
        case.check(&key, param.grad().unwrap());
    });
}

fn clipping_by_norm<T: Real>() {
    for (name, max_norm) in [("clip_norm", 1.5), ("clip_norm_loose", 100.0)] {
        let case = load::<T>(name);
        let mut model = with_gradients(&case);
        let norm = clip_grad_norm(&mut model, max_norm).unwrap();
        case.check("norm", &Tensor::scalar(T::from_f64(norm)));
        check_gradients(&case, &model);
    }
}

fn clipping_by_value<T: Real>() {
    let case = load::<T>("clip_value");
    let mut model = with_gradients(&case);
    clip_grad_value(&mut model, 0.5).unwrap();
    check_gradients(&case, &model);
}

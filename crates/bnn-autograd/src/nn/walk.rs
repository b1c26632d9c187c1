//! Visiting every module in a module, and running one without changing it.

use super::Module;
use crate::real::Real;

/// Shows every module in `module` that is not itself, outer before inner, with its dotted name.
pub(crate) fn visit<T: Real>(module: &dyn Module<T>, show: &mut dyn FnMut(&str, &dyn Module<T>)) {
    module.children(&mut |name, child| {
        show(name, child);
        visit(child, &mut |inner, part| {
            show(&format!("{name}.{inner}"), part)
        });
    });
}

/// Whether the module, or any module in it, is in training; not if none has modes.
pub(crate) fn in_training<T: Real>(module: &dyn Module<T>) -> bool {
    let mut training = module.is_training() == Some(true);
    visit(module, &mut |_, part| {
        training |= part.is_training() == Some(true)
    });
    training
}

/// Runs `body` with all modules in evaluation mode, and then restores modes and buffers.
pub(crate) fn in_evaluation<T: Real, R>(
    module: &mut dyn Module<T>,
    body: impl FnOnce(&mut dyn Module<T>) -> R,
) -> R {
    in_mode(module, false, body)
}

/// Runs `body` with all modules that have modes in training or in evaluation, and then restores
/// modes and buffers.
pub(crate) fn in_mode<T: Real, R>(
    module: &mut dyn Module<T>,
    training: bool,
    body: impl FnOnce(&mut dyn Module<T>) -> R,
) -> R {
    let mut modes = vec![module.is_training()];
    visit(module, &mut |_, part| modes.push(part.is_training()));
    let mut buffers = Vec::new();
    module.buffers(&mut |_, buffer| buffers.push(buffer.clone()));

    let asked: Vec<_> = modes.iter().map(|mode| mode.map(|_| training)).collect();
    set_modes(module, &mut asked.iter());
    let result = body(module);
    set_modes(module, &mut modes.iter());
    let mut buffers = buffers.into_iter();
    module.buffers_mut(&mut |_, buffer| {
        if let Some(before) = buffers.next() {
            *buffer = before;
        }
    });
    result
}

/// Sets the mode of every module that has one, outer before inner, because an outer module may have
/// changed the mode of an inner one.
fn set_modes<T: Real>(module: &mut dyn Module<T>, modes: &mut dyn Iterator<Item = &Option<bool>>) {
    if let Some(Some(training)) = modes.next() {
        module.set_training(*training);
    }
    module.children_mut(&mut |_, child| set_modes(child, modes));
}

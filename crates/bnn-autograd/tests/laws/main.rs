//! What holds of the tape, through its public functions alone. One program, so that what the tests
//! share is compiled once.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

mod checkpoints;
mod clip_and_flip_laws;
mod common_operations;
mod fixed_point;
mod function_contract;
mod gradients;
mod gradients_without_a_tape;
mod images;
mod int8_layers;
mod joined_norms;
mod layer_errors;
mod layers;
mod ops_laws;
mod optim_laws;
mod optim_vectors;
mod pytorch_vectors;
mod quantizer_gradients;
mod quantizer_laws;
mod quantizer_training;
mod quantizer_vectors;
mod recomputed;
mod tape_laws;
mod training;
mod weights;

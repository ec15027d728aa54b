//! Benches only: see the `*_kernels` files in this folder.

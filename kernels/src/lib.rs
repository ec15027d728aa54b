//! Pure compute kernels of norna: slices in, slices out. No files, no MPI, no threads, no logging.

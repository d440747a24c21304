#pragma once

/// \file
/// What must be right before the constructors of any library run: the program's `.preinit_array`, which the loader
/// calls first of all. Linked into programs only (see startup.cpp).
///
/// - A processor that lacks instructions which the build uses: one line, status 2.
/// - Standard input, output and error that are closed: opened so that using them is an error or does nothing. Else the
///   next file that is opened would become standard error, and be written full of progress.
/// - OpenBLAS starts its threads as it is loaded. Where the system gives none (a limit on processes or address space)
/// it
///   raises SIGINT or spins for ever, and tapehead never uses them: the program starts itself over, once, with
///   OPENBLAS_NUM_THREADS=1.

namespace tapehead {

/// First thing in main: gives OPENBLAS_NUM_THREADS back the value that the user gave it, for programs that this one
/// starts.
void restore_environment();

}  // namespace tapehead

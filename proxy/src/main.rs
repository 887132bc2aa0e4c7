//! The `topic-encryption-proxy` program.

fn main() -> std::process::ExitCode {
    proxy::cli::main()
}

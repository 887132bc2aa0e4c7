use clap::Args;
#[derive(Debug, Args)]
pub struct Arguments {
    dirs: Vec<String>,
}
pub fn run(_: &Arguments) -> std::process::ExitCode {
    0.into()
}

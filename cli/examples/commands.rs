//! Prints what every command of `vaultstream` says of itself, as kept in `docs/reference/`.

use clap::{Command, CommandFactory};

fn main() {
    println!("# Commands\n");
    println!("Written from the code by `make generate`: what `vaultstream COMMAND --help` says.\n");
    let program = vaultstream::args::Cli::command().term_width(110);
    let told = program.clone().bin_name("vaultstream").render_long_help().to_string();
    println!("## vaultstream\n\n```text\n{}\n```\n", told.trim_end());
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        tell(command.clone(), "vaultstream");
    }
}

fn tell(command: Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    let mut told = command.clone().bin_name(&name).term_width(110);
    println!("## {name}\n\n```text\n{}\n```\n", told.render_long_help().to_string().trim_end());
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        tell(inner.clone(), &name);
    }
}

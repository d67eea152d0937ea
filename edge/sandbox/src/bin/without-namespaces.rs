//! Runs a command on what looks like a machine that refuses namespaces, for tests:
//! `ioi-without-namespaces -- command…`.

fn main() {
    let mut arguments = std::env::args_os().skip(1).skip_while(|argument| argument == "--");
    let Some(program) = arguments.next() else {
        eprintln!("usage: ioi-without-namespaces -- command…");
        std::process::exit(2);
    };
    let error = ioi_sandbox::init::exec_without_namespaces(&program, arguments);
    eprintln!("{} can't be run: {error}", program.display());
    std::process::exit(127);
}

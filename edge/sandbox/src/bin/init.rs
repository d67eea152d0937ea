//! `ioi-init`: see `ioi_sandbox::init`.

fn main() {
    std::process::exit(ioi_sandbox::init::run());
}

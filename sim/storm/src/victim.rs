//! The process that is going to be killed.

use crate::link::{Link, Mark};
use crate::survivor::Plan;
use crate::traffic::Traffic;
use crate::window::{Window, enter};
use ioi_hostile::Chance;
use ioi_shm::DescriptorChannel;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

/// The ring grows four times at least; one of the first so many growths is the window.
const GROWTHS: u64 = 4;

/// Its channel is its standard input; which kill of which storm it is for, its arguments.
#[must_use]
pub fn be_victim(seed: u64, number: u64) -> ExitCode {
    let channel = std::io::stdin().as_fd().try_clone_to_owned().ok();
    let channel = channel.and_then(|socket| DescriptorChannel::from_fd(socket).ok());
    let Some(Ok(link)) = channel.as_ref().map(Link::connect) else {
        eprintln!("ioi-storm: a victim has a survivor at its standard input");
        return ExitCode::from(2);
    };
    let plan = Plan::new(seed, number);
    link.mark(Mark::Begun, 1);
    let mut traffic = Traffic::new(link, Chance::new(seed ^ 1, number), plan.victim_sends());
    match plan.window {
        None => loop {
            traffic.step();
        },
        Some((window, role)) => {
            if window == Window::MidGrowth {
                traffic.growths = (plan.steps % GROWTHS) as u32;
            }
            (0..plan.steps).for_each(|_| traffic.step());
            while !enter(&mut traffic, window, role, plan.variant) {
                traffic.step();
            }
            traffic.link.mark(Mark::Window, 1);
            loop {
                std::thread::sleep(Duration::from_secs(60));
            }
        }
    }
}

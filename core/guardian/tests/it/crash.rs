//! No crash, at any byte, makes the guardian contradict itself.

use crate::world::World;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append { count: usize, sync: bool },
    Repeat { sync: bool },
    Rewrite { first: u64, count: usize },
    Head,
    Reissue,
    Crash { during_head: bool, power_cut: bool, permille: usize, zeros: usize },
}

fn calm_steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..5_usize, any::<bool>()).prop_map(|(count, sync)| Step::Append { count, sync }),
        1 => any::<bool>().prop_map(|sync| Step::Repeat { sync }),
        1 => (0..20_u64, 1..3_usize).prop_map(|(first, count)| Step::Rewrite { first, count }),
        3 => Just(Step::Head),
        1 => Just(Step::Reissue),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let crash = (any::<bool>(), any::<bool>(), 0..=1000_usize, prop_oneof![Just(0), 1..200_usize]);
    prop_oneof![
        3 => calm_steps(),
        1 => crash.prop_map(|(during_head, power_cut, permille, zeros)| Step::Crash {
            during_head, power_cut, permille, zeros
        }),
    ]
}

fn run(world: &mut World, step: &Step) {
    match *step {
        Step::Append { count, sync } => world.append(count, sync),
        Step::Repeat { sync } => world.repeat(sync),
        Step::Rewrite { first, count } => world.rewrite(first, count),
        Step::Head => world.head(),
        Step::Reissue => world.reissue(),
        Step::Crash { during_head, power_cut, permille, zeros } => {
            world.crash(during_head, power_cut, permille, zeros);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn over_many_lives_no_counter_has_two_statements_and_nothing_promised_is_lost(
        steps in prop::collection::vec(steps(), 1..40)
    ) {
        let mut world = World::new();
        steps.iter().for_each(|step| run(&mut world, step));
        world.check_promises();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn after_a_crash_at_any_byte_the_next_life_contradicts_nothing_that_was_released(
        steps in prop::collection::vec(calm_steps(), 1..10), zeros in 0..64_usize
    ) {
        // The lives branch: each byte is cut at in a world of its own, which knows what had
        // been released by then and nothing of what came after.
        let mut world = World::new();
        for step in &steps {
            let before = world.clone();
            run(&mut world, step);
            for cut in before.journal.len()..=world.journal.len() {
                let mut branch = before.clone();
                branch.journal = world.journal.clone();
                branch.marks = world.marks.clone();
                branch.adopt_leaves(&world);
                branch.recover(cut, zeros);
                branch.repeat(true);
                branch.append(1, true);
                branch.head();
                branch.check_promises();
            }
        }
    }
}

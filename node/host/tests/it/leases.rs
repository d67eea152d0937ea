//! Who gives back what: by its delivery, whatever handles look like, and whoever is gone.

use crate::world::{Heard, LIFE, WIDE, World, handle, rules};
use ioi_node_host::Input;
use ioi_port::routed::{Party, Reason};
use ioi_shm::Handle;

const EQUAL: (u64, u64) = (0, 64);

/// Two lenders, one of whom means ill, and who borrows of both; each may lend `leases_max` leases.
fn lenders(leases_max: u32) -> (World, [Party; 3]) {
    let limits = WIDE.replace("leases_max = 1000", &format!("leases_max = {leases_max}"));
    let world = World::new(&rules(&["mallory", "b", "c"], &["* > *: send"]).replace(WIDE, &limits));
    let parties = ["mallory", "b", "c"].map(|name| world.party(name));
    (world, parties)
}

/// All that the router keeps of leases.
fn books(world: &World) -> Vec<(u32, u64, usize)> {
    let state = |party| world.state(party);
    let of = |party| (state(party).leases, state(party).lease_bytes, state(party).borrowed);
    world.router.policy().parties().map(of).collect()
}

/// Lends a lease and has it delivered: the delivery's number.
fn borrow(world: &mut World, lender: Party, holder: Party, lent: Handle) -> u32 {
    world.lend(lender, holder, lent);
    let held = world.leases(holder);
    assert_eq!((held.len(), held[0].0, held[0].2), (1, lender, lent));
    held[0].1
}

fn come_back(world: &mut World, party: Party) {
    world.step(Input::Attached(party));
    world.hear(party);
}

#[test]
fn of_equal_handles_of_several_lenders_exactly_that_of_the_delivery_is_over() {
    let (mut world, [mallory, b, c]) = lenders(1000);
    let equal = handle(EQUAL.0, EQUAL.1);
    for lender in [b, mallory, b] {
        world.lend(lender, c, equal);
    }
    let held = world.leases(c);
    assert_eq!(held.iter().map(|held| held.0).collect::<Vec<_>>(), [b, mallory, b]);
    for at in [1, 0, 2] {
        let (lender, delivery, lent) = held[at];
        world.give_back(c, delivery, lent);
        let other = if lender == b { mallory } else { b };
        assert_eq!((world.hear(lender), world.hear(other)), (vec![Heard::Returned(equal)], vec![]));
        // Nobody is kept from lending by what others lent.
        world.lend(mallory, c, equal);
        let (_, late, _) = world.leases(c)[0];
        world.give_back(c, late, equal);
        assert_eq!(world.hear(mallory), [Heard::Returned(equal)]);
    }
    assert_eq!(books(&world), [(0, 0, 0); 3]);
}

#[test]
fn a_return_that_is_refused_says_why_and_changes_nothing() {
    let (mut world, [mallory, b, c]) = lenders(1000);
    let (lent, other, back) = (handle(0, 64), handle(64, 64), handle(128, 64));
    let of_b = borrow(&mut world, b, c, lent);
    let of_mallory = borrow(&mut world, mallory, c, other);
    borrow(&mut world, b, mallory, lent);
    world.send(b, c, b"no lease");
    let (without, _) = world.bodies(c)[0];
    let again = borrow(&mut world, b, c, back);
    world.give_back(c, again, back);
    assert_eq!(world.hear(b), [Heard::Returned(back)]);
    let before = books(&world);
    let refused = [
        (c, without, lent, Reason::NotLent),
        (c, again, back, Reason::NotLent),
        (c, again + 1, lent, Reason::NotLent),
        (c, 0, lent, Reason::NotLent),
        (c, u32::MAX, lent, Reason::NotLent),
        (c, of_b, other, Reason::OtherLease),
        (c, of_mallory, lent, Reason::OtherLease),
        (b, of_b, lent, Reason::NotLent),
    ];
    for (by, delivery, handle, reason) in refused {
        world.give_back(by, delivery, handle);
        assert_eq!(world.refusal(by), (reason, reason.to_string()), "{by:?} {delivery}");
        assert_eq!(books(&world), before);
    }
    assert_eq!((world.hear(b), world.hear(mallory)), (vec![], vec![]), "no lender heard of anything");
    world.give_back(c, of_b, lent);
    world.give_back(c, of_mallory, other);
    assert_eq!(world.hear(b), [Heard::Returned(lent)], "and each can still be given back");
    assert_eq!(world.hear(mallory), [Heard::Returned(other)]);
}

#[test]
fn a_lease_can_be_given_back_long_after_its_delivery_can_be_named_as_a_cause() {
    let (mut world, [_, b, c]) = lenders(1000);
    let delivery = borrow(&mut world, b, c, handle(0, 64));
    for _ in 0..1000 {
        world.send(b, c, b"");
        world.bodies(c);
    }
    world.send_for(c, b, delivery, b"");
    assert_eq!(world.refusal(c).0, Reason::UnknownCause);
    world.give_back(c, delivery, handle(0, 64));
    assert_eq!(world.hear(b), [Heard::Returned(handle(0, 64))]);
    assert_eq!(books(&world), [(0, 0, 0); 3]);
}

#[test]
fn who_gives_nothing_back_holds_no_more_than_each_lenders_quota_and_costs_the_others_nothing() {
    let (mut world, [mallory, b, c]) = lenders(3);
    for number in 0..100 {
        for lender in [mallory, b] {
            world.lend(lender, c, handle(number * 64, 64));
            world.hear(c);
            let is_refused = matches!(world.hear(lender)[..], [Heard::Refused(_, Reason::Leases, _)]);
            assert_eq!(is_refused, number >= 3);
        }
    }
    assert_eq!(books(&world), [(3, 192, 0), (3, 192, 0), (0, 0, 6)]);
    borrow(&mut world, c, b, handle(0, 64));
    world.step(Input::Detached(c));
    assert_eq!(books(&world), [(3, 192, 0), (3, 192, 1), (1, 64, 0)], "until they were told");
    assert_eq!((world.hear(mallory).len(), world.hear(b).len()), (3, 3));
    assert_eq!(books(&world), [(0, 0, 0), (0, 0, 1), (1, 64, 0)]);
}

/// His successor lends what looks the same: it must not be told that this is free.
#[test]
fn what_a_lender_lent_who_is_gone_counts_until_it_is_over_and_is_told_to_no_other() {
    let (mut world, [_, b, c]) = lenders(3);
    let equal = handle(EQUAL.0, EQUAL.1);
    let old = borrow(&mut world, b, c, equal);
    world.step(Input::Detached(b));
    assert_eq!(books(&world)[1..], [(1, 64, 0), (0, 0, 1)], "nothing is won by going");
    come_back(&mut world, b);
    let new = borrow(&mut world, b, c, equal);
    assert_eq!(books(&world)[1..], [(2, 128, 0), (0, 0, 2)]);
    world.give_back(c, old, equal);
    assert_eq!((world.hear(b), &books(&world)[1..]), (vec![], &[(1, 64, 0), (0, 0, 1)][..]));
    world.give_back(c, new, equal);
    assert_eq!(world.hear(b), [Heard::Returned(equal)]);
    assert_eq!(books(&world), [(0, 0, 0); 3]);
}

/// Its requests have the same numbers, and its leases may look the same.
#[test]
fn what_becomes_of_a_message_is_told_to_no_successor_of_its_sender() {
    let (mut world, [_, b, c]) = lenders(3);
    world.send(b, c, b"waits");
    world.lend(b, c, handle(0, 64));
    world.step(Input::Detached(b));
    come_back(&mut world, b);
    let number = world.lend(b, c, handle(0, 64));
    world.now += LIFE;
    world.step(Input::Tick);
    assert!(matches!(world.hear(b)[..], [Heard::Refused(about, Reason::Expired, _)] if about == number));
    assert_eq!((world.state(b).counts.refused[&Reason::Expired], books(&world)), (3, vec![(0, 0, 0); 3]));
}

#[test]
fn the_successor_of_a_borrower_gives_back_nothing_by_its_numbers() {
    let (mut world, [_, b, c]) = lenders(3);
    let equal = handle(EQUAL.0, EQUAL.1);
    let old = borrow(&mut world, b, c, equal);
    world.step(Input::Detached(c));
    assert_eq!(world.hear(b), [Heard::Returned(equal)]);
    come_back(&mut world, c);
    let new = borrow(&mut world, b, c, equal);
    world.give_back(c, old, equal);
    assert_eq!((world.refusal(c).0, world.hear(b)), (Reason::NotLent, vec![]));
    world.give_back(c, new, equal);
    assert_eq!(world.hear(b), [Heard::Returned(equal)]);
}

#[test]
fn a_lease_of_a_connection_before_is_not_delivered_under_the_next() {
    let (mut world, [_, b, c]) = lenders(1);
    world.lend(b, c, handle(0, 64));
    world.send(b, c, b"no lease");
    world.step(Input::Detached(b));
    come_back(&mut world, b);
    // An equal handle now names memory of the new connection.
    assert_eq!(world.leases(c), []);
    assert_eq!(world.state(b).counts.refused.get(&Reason::Absent), Some(&1));
    // It is free, so that he may lend again.
    borrow(&mut world, b, c, handle(0, 64));
}

#[test]
fn a_lease_of_a_lender_who_is_gone_is_delivered_as_what_he_sent() {
    let (mut world, [_, b, c]) = lenders(1);
    world.lend(b, c, handle(0, 64));
    world.step(Input::Detached(b));
    assert_eq!(world.leases(c).len(), 1);
}

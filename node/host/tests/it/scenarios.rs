//! What the router does for honest parties, and for one that is stuck.

use crate::world::{Heard, LIFE, WIDE, World, handle, rules};
use ioi_node_host::{Effect, Input};
use ioi_port::routed::{Command, Object, Reason, Request, Rights};
use std::time::Duration;

#[test]
fn a_refused_send_names_the_rule_that_denies_it_or_says_that_none_allows_it() {
    let mut world = World::new(&rules(&["a", "b", "c"], &["a > b: send", "* > c: send", "a > c: !send"]));
    let [a, b, c] = ["a", "b", "c"].map(|name| world.party(name));
    world.send(a, c, b"x");
    let denied = (Reason::Denied, "rule `a > c: !send` denies it".to_owned());
    assert_eq!(world.refusal(a), denied);
    world.send(b, a, b"x");
    assert_eq!(world.refusal(b), (Reason::NoRule, "no rule lets `b` send to `a`".to_owned()));
    world.send(a, b, b"1");
    world.send(b, c, b"2");
    assert_eq!((world.bodies(b)[0].1.as_slice(), world.bodies(c)[0].1.as_slice()), (&b"1"[..], &b"2"[..]));
}

#[test]
fn only_who_may_manages_the_host_and_the_parties() {
    let parties = ["admin", "plain", "starter"];
    let mut world = World::new(&rules(
        &parties,
        &[
            "admin > host: get_state shutdown",
            "admin > plain: get_state shutdown",
            "starter > host: create_task",
            "plain > starter: send",
        ],
    ));
    let [admin, plain, starter] = parties.map(|name| world.party(name));
    let host = world.held(admin, Object::Host);
    let over_plain = world.held(admin, Object::Party(plain));
    let start = world.held(starter, Object::Host);

    world.send(plain, starter, b"");
    world.command(admin, over_plain, Command::GetState);
    let Some(Heard::Done(None, state)) = world.hear(admin).pop() else { panic!() };
    let fields: Vec<u64> =
        state.chunks(8).map(|field| u64::from_le_bytes(field.try_into().unwrap())).collect();
    assert_eq!(
        fields,
        [1, 0, 0, 0, 1, 0, 0, 1],
        "accepted, delivered, received, refused, wait, leases, depth, on"
    );
    world.command(admin, host, Command::GetState);
    let Some(Heard::Done(None, totals)) = world.hear(admin).pop() else { panic!() };
    assert_eq!((totals[0], totals[8], totals[16]), (3, 3, 4), "parties, connected, capabilities");

    world.hear(starter);
    for (by, capability, command) in [
        (admin, host, Command::CreateTask),
        (starter, start, Command::Shutdown),
        (starter, start, Command::GetState),
    ] {
        world.command(by, capability, command);
        assert_eq!(world.refusal(by).0, Reason::Right, "{command:?}");
    }
    for (by, capability) in [(plain, host), (starter, host), (plain, start)] {
        world.command(by, capability, Command::Shutdown);
        assert_eq!(world.refusal(by).0, Reason::NoCapability);
    }
    assert_eq!(world.effects, [], "nothing of this had an effect");

    world.command(starter, start, Command::CreateTask);
    world.command(admin, over_plain, Command::Shutdown);
    world.command(admin, host, Command::Shutdown);
    let expected = [
        Effect::CreateTask { by: starter, body: b"task".to_vec() },
        Effect::StopParty { party: plain, by: admin },
        Effect::StopHost { by: admin },
    ];
    assert_eq!(world.effects, expected);
    assert_eq!(world.hear_some(plain, 1), [Heard::Stop]);
}

#[test]
fn a_stuck_recipient_costs_its_senders_their_messages_to_it_and_nobody_else_anything() {
    let limits = WIDE.replace("messages_to_one_max = 1000", "messages_to_one_max = 3");
    let text = rules(&["a", "b", "stuck", "well"], &["* > *: send"]).replace(WIDE, &limits);
    let mut world = World::new(&text);
    let [a, b, stuck, well] = ["a", "b", "stuck", "well"].map(|name| world.party(name));
    for number in 0..5 {
        world.send(a, stuck, &[number]);
        world.send(a, well, &[number]);
        assert_eq!(world.bodies(well), [(u32::from(number) + 1, vec![number])]);
    }
    let refused: Vec<_> = world.hear(a);
    assert!(matches!(&refused[..], [Heard::Refused(_, Reason::Full, _), Heard::Refused(_, Reason::Full, _)]));
    world.send(b, stuck, b"b");
    assert_eq!(world.state(stuck).depth, 4, "a's queue takes nothing of b's");
    world.now += LIFE;
    world.step(Input::Tick);
    assert_eq!(world.refusal(b).0, Reason::Expired);
    assert_eq!(world.hear(a).len(), 3);
    let state = world.state(a);
    assert_eq!((state.messages, state.bytes, state.counts.refused[&Reason::Expired]), (0, 0, 3));
    assert_eq!((world.state(stuck).depth, world.bodies(stuck).len()), (0, 0));
}

#[test]
fn messages_of_one_sender_keep_their_order_and_senders_take_turns() {
    let mut world = World::new(&rules(&["loud", "quiet", "to"], &["* > to: send"]));
    let [loud, quiet, to] = ["loud", "quiet", "to"].map(|name| world.party(name));
    for number in 0..50 {
        world.send(loud, to, &[number]);
    }
    for number in 100..103 {
        world.send(quiet, to, &[number]);
    }
    let first: Vec<u8> = world.hear_some(to, 7).iter().map(body).collect();
    assert_eq!(first, [0, 100, 1, 101, 2, 102, 3]);
    let rest: Vec<u8> = world.bodies(to).into_iter().map(|(_, body)| body[0]).collect();
    assert_eq!(rest, (4..50).collect::<Vec<u8>>());
}

fn body(heard: &Heard) -> u8 {
    match heard {
        Heard::Delivered { body, .. } => body[0],
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease_counts_until_it_is_given_back_by_who_holds_it() {
    let limits = WIDE
        .replace("leases_max = 1000", "leases_max = 2")
        .replace("lease_bytes_max = 1000000", "lease_bytes_max = 100");
    let mut world = World::new(&rules(&["a", "b", "c"], &["* > *: send"]).replace(WIDE, &limits));
    let [a, b, c] = ["a", "b", "c"].map(|name| world.party(name));
    let (first, second) = (handle(0, 60), handle(64, 40));
    world.lend(a, b, first);
    world.lend(a, c, second);
    for too_much in [handle(128, 1), handle(128, u64::MAX), handle(128, 0)] {
        world.lend(a, b, too_much);
        assert_eq!(world.refusal(a).0, Reason::Leases, "{too_much:?}");
    }
    let (of_b, of_c) = (world.leases(b)[0], world.leases(c)[0]);
    assert_eq!((of_b, of_c), ((a, 1, first), (a, 1, second)));
    let wrong = [
        (c, 1, first, Reason::OtherLease),
        (b, 1, handle(0, 61), Reason::OtherLease),
        (b, 2, first, Reason::NotLent),
        (a, 1, first, Reason::NotLent),
    ];
    for (by, delivery, wrong, reason) in wrong {
        world.give_back(by, delivery, wrong);
        assert_eq!(world.refusal(by).0, reason);
    }
    assert_eq!((world.state(a).leases, world.state(a).lease_bytes), (2, 100));
    world.give_back(b, 1, first);
    assert_eq!(world.hear(a), [Heard::Returned(first)]);
    world.give_back(b, 1, first);
    assert_eq!(world.refusal(b).0, Reason::NotLent, "only once");
    world.step(Input::Detached(c));
    assert_eq!(world.hear(a), [Heard::Returned(second)], "who is dead holds nothing");
    assert_eq!((world.state(a).leases, world.state(a).lease_bytes), (0, 0));
}

#[test]
fn a_message_to_nobody_and_one_whose_recipient_dies_come_back_as_refusals() {
    let mut world = World::new(&rules(&["a", "b"], &["a > b: send"]));
    let [a, b] = ["a", "b"].map(|name| world.party(name));
    world.lend(a, b, handle(0, 8));
    world.step(Input::Detached(b));
    assert_eq!((world.refusal(a).0, world.state(a).leases), (Reason::Absent, 0));
    world.send(a, b, b"");
    assert_eq!(world.refusal(a).0, Reason::Absent);
    world.step(Input::Attached(b));
    world.send(a, b, b"again");
    assert_eq!(world.bodies(b), [(1, b"again".to_vec())], "and nothing of what was refused");
}

#[test]
fn what_a_party_sent_before_it_ended_is_delivered() {
    let mut world = World::new(&rules(&["a", "b"], &["a > b: send"]));
    let [a, b] = ["a", "b"].map(|name| world.party(name));
    world.send(a, b, b"last words");
    world.step(Input::Detached(a));
    assert_eq!(world.bodies(b)[0].1, b"last words");
}

#[test]
fn whoever_comes_is_told_all_that_it_holds_however_much_that_is() {
    let names: Vec<String> = (0..100).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = World::new(&rules(&names, &["p0 > *: send"]));
    let first = world.party("p0");
    world.step(Input::Detached(first));
    world.step(Input::Attached(first));
    assert_eq!(world.hear(first).len(), 99);
    assert_eq!(world.state(first).counts.notices_lost, 0);
}

#[test]
fn a_party_that_takes_nothing_loses_answers_beyond_a_bound_and_nothing_by_what_others_do() {
    let mut world = World::new(&rules(&["a", "b", "c"], &["a > c: send delegate", "b > c: send"]));
    let [a, b, c] = ["a", "b", "c"].map(|name| world.party(name));
    let root = world.held(a, Object::Party(c));
    let kept = world.delegate(a, root, b, Rights::SEND).unwrap();
    for _ in 0..500 {
        let made = world.delegate(a, root, b, Rights::SEND).unwrap();
        world.revoke(a, made);
        world.hear(a);
    }
    assert_eq!(world.state(b).counts.notices_lost, 0);
    assert_eq!(world.hear(b), [Heard::Granted(kept, Object::Party(c), Rights::SEND)], "what is still so");
    for _ in 0..500 {
        world.send(b, a, b"");
    }
    world.revoke(a, kept);
    let heard = world.hear(b);
    assert_eq!((heard.len(), heard.last()), (65, Some(&Heard::Revoked(kept))));
    assert_eq!((world.state(b).counts.notices_lost, world.now), (436, Duration::ZERO));
}

#[test]
fn no_lender_misses_that_a_lease_is_over_however_much_else_waits_for_him() {
    let parties = ["lender", "holder", "gone", "loud"];
    let mut world = World::new(&rules(
        &parties,
        &["lender > *: send", "loud > gone: send delegate", "holder > loud: send"],
    ));
    let [lender, holder, gone, loud] = parties.map(|name| world.party(name));
    let leases: Vec<_> = (0..200).map(|number| handle(number * 64, 64)).collect();
    for (number, lease) in leases.iter().enumerate() {
        world.lend(lender, if number % 2 == 0 { holder } else { gone }, *lease);
    }
    let held = world.leases(holder);
    let over_gone = world.held(loud, Object::Party(gone));
    for _ in 0..100 {
        // The lender is told of grants, and asks in vain itself, without taking anything.
        let rights = Rights::SEND;
        world.ask(loud, &Request::Delegate { capability: over_gone, to: lender, rights, cause: 0 });
        world.give_back(lender, 1, leases[0]);
    }
    for (_, delivery, lease) in held {
        world.give_back(holder, delivery, lease);
    }
    world.step(Input::Detached(gone));
    assert_eq!(world.state(lender).leases, 200, "he was not told yet");
    let heard = world.hear(lender);
    let returned = heard.iter().filter(|heard| matches!(heard, Heard::Returned(_))).count();
    let absent = heard.iter().filter(|heard| matches!(heard, Heard::Refused(_, Reason::Absent, _))).count();
    assert_eq!((returned, absent), (100, 100));
    assert_eq!((world.state(lender).leases, world.state(lender).lease_bytes), (0, 0));
}

#[test]
fn who_takes_no_notice_of_what_came_back_lends_no_more_and_forgets_it_with_his_connection() {
    let limits = WIDE.replace("leases_max = 1000", "leases_max = 2");
    let mut world = World::new(&rules(&["a", "b"], &["a > b: send"]).replace(WIDE, &limits));
    let [a, b] = ["a", "b"].map(|name| world.party(name));
    for number in 0..2 {
        world.lend(a, b, handle(number * 64, 64));
        let (_, delivery, lent) = world.leases(b)[0];
        world.give_back(b, delivery, lent);
    }
    world.lend(a, b, handle(128, 64));
    assert_eq!(world.state(a).counts.refused[&Reason::Leases], 1);
    world.step(Input::Detached(a));
    assert_eq!((world.state(a).leases, world.state(a).lease_bytes), (0, 0));
}

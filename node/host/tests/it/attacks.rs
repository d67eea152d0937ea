//! Escapes from capabilities: more than held, after revocation, through others, round and round.

use crate::world::{Heard, WIDE, World, handle, rules};
use ioi_node_host::{DEPTH_MAX, Effect, HOPS_MAX, Input};
use ioi_port::routed::{CapabilityId, Command, Object, Reason, Request, Rights};
use std::time::Duration;

const SEND_ON: Rights = Rights::SEND.and(Rights::DELEGATE);

fn four(extra: &[&str]) -> World {
    let base = ["a > d: send delegate", "a > b: send", "b > a: send", "b > c: send", "c > b: send"];
    World::new(&rules(&["a", "b", "c", "d"], &[&base[..], extra].concat()))
}

#[test]
fn a_delegation_gives_no_more_than_was_held() {
    let mut world = four(&["b > host: get_state"]);
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| world.party(name));
    let root = world.held(a, Object::Party(d));
    for rights in [Rights::SHUTDOWN, SEND_ON.and(Rights::GET_STATE), Rights::NONE] {
        assert_eq!(world.delegate(a, root, b, rights), Err(Reason::Right), "{rights:?}");
    }
    let child = world.delegate(a, root, b, Rights::SEND).unwrap();
    assert_eq!(world.delegate(b, child, c, Rights::SEND), Err(Reason::Right), "it may not hand it on");
    let state_only = world.held(b, Object::Host);
    assert_eq!(world.delegate(b, state_only, c, Rights::GET_STATE), Err(Reason::Right));
    assert_eq!(world.delegate(b, root, c, Rights::SEND), Err(Reason::NoCapability), "the root is a's");
}

#[test]
fn a_number_that_was_seen_or_guessed_is_worth_nothing_to_others() {
    let mut world = four(&["a > host: shutdown"]);
    let [a, c] = ["a", "c"].map(|name| world.party(name));
    let numbers: Vec<CapabilityId> = world.router.held(a).into_iter().map(|held| held.0).collect();
    let guesses = (0..64).map(CapabilityId).chain((0..64).map(|n| CapabilityId(1 << 32 | n)));
    let own: Vec<CapabilityId> = world.router.held(c).into_iter().map(|held| held.0).collect();
    for number in numbers.into_iter().chain(guesses).filter(|number| !own.contains(number) && number.0 != 0) {
        world.send_by(c, number, b"");
        assert_eq!(world.refusal(c).0, Reason::NoCapability, "{number:?}");
        world.command(c, number, Command::Shutdown);
        assert_eq!(world.refusal(c).0, Reason::NoCapability, "{number:?}");
    }
    assert_eq!(world.effects, []);
}

#[test]
fn after_a_revocation_nothing_flows_by_it_not_even_what_waits() {
    let mut world = four(&[]);
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| world.party(name));
    let root = world.held(a, Object::Party(d));
    let to_b = world.delegate(a, root, b, SEND_ON).unwrap();
    let to_c = world.delegate(b, to_b, c, Rights::SEND).unwrap();
    world.hear(b);
    world.hear(c);
    // A decision that is kept, and messages that wait: one of a's own, and two by what will be revoked.
    world.send_by(c, to_c, b"first");
    assert_eq!(world.bodies(d).len(), 1);
    world.send_by(a, root, b"a's own");
    let (of_b, of_c) = (world.send_by(b, to_b, b"b waits"), world.send(c, d, b"c waits"));
    world.revoke(a, to_b);
    assert_eq!(world.bodies(d).into_iter().map(|(_, body)| body).collect::<Vec<_>>(), [b"a's own"]);
    assert_eq!(world.hear(b)[1..], [Heard::Refused(of_b, Reason::Revoked, Reason::Revoked.to_string())]);
    let heard = world.hear(c);
    assert_eq!(heard[0], Heard::Revoked(to_c));
    assert!(matches!(&heard[1..], [Heard::Refused(number, Reason::Revoked, _)] if *number == of_c));
    for (by, number) in [(b, to_b), (c, to_c)] {
        world.send_by(by, number, b"after");
        assert_eq!(world.refusal(by).0, Reason::Revoked);
        world.send(by, d, b"after, by the kept decision");
        assert_eq!(world.refusal(by).0, Reason::NoRule);
    }
    assert_eq!(world.delegate(b, to_b, c, Rights::SEND), Err(Reason::Revoked));
    world.send(a, d, b"still");
    assert_eq!(world.bodies(d).len(), 1, "the root is untouched");
}

#[test]
fn only_the_line_above_and_the_holder_revoke() {
    let mut world = four(&["b > d: send delegate"]);
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| world.party(name));
    let root = world.held(a, Object::Party(d));
    let child = world.delegate(a, root, b, SEND_ON).unwrap();
    world.hear(b);
    for (by, number) in [(b, root), (c, root), (c, child), (d, child)] {
        world.revoke(by, number);
        assert_eq!(world.refusal(by).0, Reason::NoCapability);
    }
    world.revoke(b, child);
    assert!(matches!(world.hear(b)[..], [Heard::Revoked(gone), Heard::Done(..)] if gone == child));
    world.revoke(a, root);
    world.hear(a);
    world.send(a, d, b"");
    assert_eq!(world.refusal(a).0, Reason::NoRule, "even its own");
}

#[test]
fn what_a_rule_denies_is_not_reached_by_what_was_handed_on() {
    let mut world = four(&["c > d: !send", "* > host: !shutdown", "a > host: shutdown delegate"]);
    let [a, c, d] = ["a", "c", "d"].map(|name| world.party(name));
    let root = world.held(a, Object::Party(d));
    let child = world.delegate(a, root, c, Rights::SEND).unwrap();
    world.hear(c);
    world.send_by(c, child, b"");
    assert_eq!(world.refusal(c), (Reason::Denied, "rule `c > d: !send` denies it".to_owned()));
    let over_host = world.held(a, Object::Host);
    world.command(a, over_host, Command::Shutdown);
    assert_eq!(world.refusal(a).0, Reason::Denied);
    assert_eq!(world.effects, []);
}

#[test]
fn a_deputy_that_names_its_cause_does_for_nobody_what_he_may_not_do() {
    let mut world = four(&[]);
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| world.party(name));
    world.send(a, b, b"please tell c");
    let (cause, _) = world.bodies(b)[0];
    world.send_for(b, c, cause, b"a says");
    let text = "`a`, on whose behalf it is, may not send to `c`".to_owned();
    assert_eq!(world.refusal(b), (Reason::OnBehalf, text));
    world.send_for(b, a, cause, b"I may not");
    assert_eq!(world.bodies(a).len(), 1, "the answer to whoever asked is always in order");
    world.send(b, c, b"in my own name");
    assert_eq!(world.bodies(c).len(), 1);
    // With a right handed on for the purpose, the deputy uses that one, and a may itself.
    let root = world.held(a, Object::Party(d));
    let lent = world.delegate(a, root, b, Rights::SEND).unwrap();
    world.hear(b);
    let request = Request::Send { capability: Some(lent), to: None, cause, handle: None, body: b"for a" };
    world.ask(b, &request);
    assert_eq!(world.bodies(d).len(), 1);
    let mixed = Request::Send { capability: Some(lent), to: Some(c), cause: 0, handle: None, body: b"" };
    world.ask(b, &mixed);
    assert_eq!(world.refusal(b).0, Reason::NoCapability, "whom it names is not whom the capability is for");
}

#[test]
fn a_deputy_that_vouches_may_and_one_that_is_there_for_others_names_whom() {
    let parties = ["a", "b", "c"];
    let text = rules(&parties, &["a > b: send", "b > c: send vouches", "c > b: send"]);
    let last = text.find("name = \"c\"").unwrap();
    let limits = WIDE.replace("burst", "on_behalf_only = true, burst");
    let mut world = World::new(&format!("{}{}", &text[..last], text[last..].replacen(WIDE, &limits, 1)));
    let [a, b, c] = parties.map(|name| world.party(name));
    world.send(a, b, b"");
    let (cause, _) = world.bodies(b)[0];
    world.send_for(b, c, cause, b"vouched for");
    let (cause, _) = world.bodies(c)[0];
    world.send(c, b, b"for nobody");
    assert_eq!(world.refusal(c).0, Reason::NoCause);
    world.send_for(c, b, cause, b"back");
    assert_eq!(world.bodies(b).len(), 1);
    for wrong in [cause + 1, u32::MAX] {
        world.send_for(c, b, wrong, b"");
        assert_eq!(world.refusal(c).0, Reason::UnknownCause);
    }
}

#[test]
fn a_cause_is_forgotten_after_a_while_and_with_the_connection_and_then_it_is_none() {
    let mut world = four(&[]);
    let [a, b] = ["a", "b"].map(|name| world.party(name));
    for _ in 0..65 {
        world.send(a, b, b"");
    }
    let deliveries = world.bodies(b);
    world.send_for(b, a, deliveries[0].0, b"");
    assert_eq!(world.refusal(b).0, Reason::UnknownCause);
    world.send_for(b, a, deliveries[1].0, b"");
    assert_eq!(world.bodies(a).len(), 1);
    world.step(Input::Detached(b));
    world.step(Input::Attached(b));
    world.hear(b);
    world.send_for(b, a, deliveries[64].0, b"");
    assert_eq!(world.refusal(b).0, Reason::UnknownCause);
}

#[test]
fn parties_that_answer_each_other_without_end_are_stopped() {
    let mut world = four(&[]);
    let [a, b] = ["a", "b"].map(|name| world.party(name));
    let mut turn = (a, b);
    let mut cause = 0;
    let mut hops = 0;
    loop {
        world.send_for(turn.0, turn.1, cause, b"and you?");
        let Some((delivery, _)) = world.bodies(turn.1).pop() else { break };
        (turn, cause, hops) = ((turn.1, turn.0), delivery, hops + 1);
        assert!(hops < 100, "a loop");
    }
    assert_eq!((hops, world.refusal(turn.0).0), (HOPS_MAX, Reason::Hops));
}

#[test]
fn lines_of_delegations_are_bounded_in_depth_and_number_and_their_places_come_back() {
    let limits = WIDE.replace("delegations_max = 1000", "delegations_max = 20");
    let mut world = World::new(&rules(&["a", "b", "d"], &["a > d: send delegate"]).replace(WIDE, &limits));
    let [a, b, d] = ["a", "b", "d"].map(|name| world.party(name));
    let root = world.held(a, Object::Party(d));
    for _ in 0..10 {
        let (mut last, mut turn) = (root, (a, b));
        for _ in 0..DEPTH_MAX {
            last = world.delegate(turn.0, last, turn.1, SEND_ON).unwrap();
            turn = (turn.1, turn.0);
            world.hear(turn.0);
        }
        assert_eq!(world.delegate(turn.0, last, turn.1, SEND_ON), Err(Reason::Depth));
        let child = world.router.held(b)[0].0;
        world.revoke(a, child);
        world.hear(a);
        world.hear(b);
        assert_eq!((world.router.held(a).len(), world.router.held(b).len()), (1, 0));
    }
    let made = (0..30).filter(|_| world.delegate(a, root, b, Rights::SEND).is_ok()).count();
    assert_eq!(made, 20);
    world.step(Input::Detached(a));
    world.step(Input::Attached(a));
    world.hear(a);
    assert_eq!(
        world.delegate(a, root, b, Rights::SEND),
        Err(Reason::Delegations),
        "coming back resets nothing"
    );
}

#[test]
fn coming_back_resets_no_quota_and_no_rate() {
    let limits = "{ messages_max = 3, messages_to_one_max = 3, bytes_max = 100, leases_max = 1, \
        lease_bytes_max = 100, requests_per_second = 2, burst = 10 }";
    let mut world = World::new(&rules(&["a", "b"], &["a > b: send"]).replace(WIDE, limits));
    let [a, b] = ["a", "b"].map(|name| world.party(name));
    let mut sent = 0;
    for _ in 0..50 {
        world.step(Input::Detached(a));
        world.step(Input::Attached(a));
        world.hear(a);
        let before = world.state(a).counts.accepted;
        world.lend(a, b, handle(0, 10));
        sent += world.state(a).counts.accepted - before;
    }
    assert_eq!((sent, world.state(a).leases), (1, 1));
    let refused = world.state(a).counts.refused;
    assert_eq!((refused[&Reason::Leases], refused[&Reason::Rate]), (9, 40));
    world.now += Duration::from_millis(500);
    world.lend(a, b, handle(0, 10));
    assert_eq!(world.state(a).counts.refused[&Reason::Leases], 10, "one token in half a second");
    world.hear(a);
    world.lend(a, b, handle(0, 10));
    let text = Reason::Rate.to_string();
    assert!(matches!(&world.hear(a)[..], [Heard::Refused(_, Reason::Rate, said)] if *said == text));
}

#[test]
fn nonsense_is_refused_and_costs_its_sender_a_token() {
    let limits = WIDE
        .replace("burst = 1000000", "burst = 5")
        .replace("requests_per_second = 1000000", "requests_per_second = 0");
    let mut world = World::new(&rules(&["a", "b"], &["a > b: send"]).replace(WIDE, &limits));
    let a = world.party("a");
    for message in [&[][..], &[0; 256], &[255; 16], b"GET / HTTP/1.1\r\n\r\n", &[1; 15], &[3; 16]] {
        world.step(Input::Sent { by: a, msg_id: 1, message });
    }
    let refused = world.state(a).counts.refused;
    assert_eq!((refused[&Reason::Malformed], refused[&Reason::Rate]), (5, 1));
}

#[test]
fn one_that_is_there_for_others_only_does_nothing_in_its_own_name_but_give_up() {
    let parties = ["c", "b", "d"];
    let text = rules(&parties, &["c > d: send delegate", "c > host: shutdown", "b > c: send"]);
    let limits = WIDE.replace("burst", "on_behalf_only = true, burst");
    let mut world = World::new(&text.replacen(WIDE, &limits, 1));
    let [c, b, d] = parties.map(|name| world.party(name));
    let (over_d, over_host) = (world.held(c, Object::Party(d)), world.held(c, Object::Host));
    assert_eq!(world.delegate(c, over_d, b, Rights::SEND), Err(Reason::NoCause));
    assert_eq!(world.router.held(b).len(), 1);
    world.command(c, over_host, Command::Shutdown);
    assert_eq!((world.refusal(c).0, &world.effects[..]), (Reason::NoCause, &[][..]));
    world.lend(b, c, handle(0, 8));
    let (_, delivery, lent) = world.leases(c)[0];
    world.give_back(c, delivery, lent);
    assert_eq!(world.hear(b), [Heard::Returned(handle(0, 8))]);
    world.revoke(c, over_d);
    assert_eq!(world.router.held(c).len(), 1);
}

#[test]
fn whoever_was_handed_what_vouches_vouches_for_nobody() {
    let parties = ["a", "b", "c", "d"];
    let mut world =
        World::new(&rules(&parties, &["a > b: send", "a > d: send", "b > c: send delegate vouches"]));
    let [a, b, c, d] = parties.map(|name| world.party(name));
    let root = world.held(b, Object::Party(c));
    world.delegate(b, root, d, Rights::SEND).unwrap();
    world.hear(d);
    for (deputy, delivered) in [(b, 1), (d, 0)] {
        world.send(a, deputy, b"");
        let (cause, _) = world.bodies(deputy)[0];
        world.send_for(deputy, c, cause, b"a says");
        assert_eq!(world.bodies(c).len(), delivered);
    }
    assert_eq!(world.refusal(d).0, Reason::OnBehalf);
}

#[test]
fn giving_up_waits_for_no_token_and_guessing_costs_one() {
    let limits = WIDE
        .replace("burst = 1000000", "burst = 3")
        .replace("requests_per_second = 1000000", "requests_per_second = 0");
    let text = rules(&["a", "b", "d"], &["a > d: send delegate", "d > a: send"]).replacen(WIDE, &limits, 1);
    let mut world = World::new(&text);
    let [a, b, d] = ["a", "b", "d"].map(|name| world.party(name));
    let root = world.held(a, Object::Party(d));
    let made = [0, 1].map(|_| world.delegate(a, root, b, Rights::SEND).unwrap());
    world.lend(d, a, handle(0, 8));
    let (_, delivery, lent) = world.leases(a)[0];
    world.revoke(a, made[0]);
    assert!(matches!(world.hear(a)[..], [Heard::Done(..)]));
    world.revoke(a, made[0]);
    assert_eq!(world.refusal(a).0, Reason::Revoked, "the last token");
    world.revoke(a, made[0]);
    assert_eq!(world.refusal(a).0, Reason::Rate);
    world.give_back(a, delivery, handle(8, 8));
    assert_eq!(world.refusal(a).0, Reason::Rate);
    world.revoke(a, made[1]);
    world.give_back(a, delivery, lent);
    assert_eq!((world.router.held(b).len(), world.hear(d)), (0, vec![Heard::Returned(handle(0, 8))]));
}

#[test]
fn the_hosts_owner_revokes_whatever_anybody_holds() {
    let mut world = four(&[]);
    let [a, b, d] = ["a", "b", "d"].map(|name| world.party(name));
    let root = world.held(a, Object::Party(d));
    let child = world.delegate(a, root, b, Rights::SEND).unwrap();
    world.hear(b);
    world.send(a, d, b"waits");
    world.send(b, d, b"waits");
    world.step(Input::Revoke { capability: root });
    world.step(Input::Revoke { capability: root });
    assert_eq!(world.bodies(d), []);
    assert!(matches!(world.hear(a)[..], [Heard::Revoked(gone), Heard::Refused(..)] if gone == root));
    assert!(matches!(world.hear(b)[..], [Heard::Revoked(gone), Heard::Refused(..)] if gone == child));
}

/// `c` may do everything over `d` and the host, and may be asked by `a`, who may do some of it, by
/// `b`, who may do none, and through `b` by `a`.
fn deputy(vouches: &str) -> (World, [CapabilityId; 2]) {
    let over_host = format!("c > host: get_state shutdown create_task delegate{vouches}");
    let over_d = format!("c > d: send get_state shutdown delegate{vouches}");
    let others = [
        "a > c: send",
        "b > c: send",
        "a > b: send",
        "a > d: send get_state delegate",
        "a > host: get_state",
    ];
    let world = World::new(&rules(&["a", "b", "c", "d"], &[&others[..], &[&over_d, &over_host]].concat()));
    let c = world.party("c");
    let held = [world.held(c, Object::Party(world.party("d"))), world.held(c, Object::Host)];
    (world, held)
}

/// The number of a delivery to the last, which passed through the hands of all before.
fn chain(world: &mut World, parties: &[&str]) -> u32 {
    parties.windows(2).fold(0, |cause, two| {
        let [from, to] = [two[0], two[1]].map(|name| world.party(name));
        world.send_for(from, to, cause, b"do it for me");
        world.bodies(to).last().unwrap().0
    })
}

#[test]
fn a_deputy_commands_for_nobody_what_he_may_not_command_himself() {
    let (mut world, [over_d, over_host]) = deputy("");
    let c = world.party("c");
    let (of_a, of_b) = (chain(&mut world, &["a", "c"]), chain(&mut world, &["b", "c"]));
    let of_both = chain(&mut world, &["a", "b", "c"]);
    let refused = [
        (over_host, Command::Shutdown, of_a, "`a`, on whose behalf it is, may not stop `host`"),
        (
            over_host,
            Command::CreateTask,
            of_a,
            "`a`, on whose behalf it is, may not have tasks created by `host`",
        ),
        (over_d, Command::Shutdown, of_a, "`a`, on whose behalf it is, may not stop `d`"),
        (over_d, Command::GetState, of_b, "`b`, on whose behalf it is, may not ask for the state of `d`"),
        (
            over_host,
            Command::GetState,
            of_both,
            "`b`, on whose behalf it is, may not ask for the state of `host`",
        ),
    ];
    for (capability, command, cause, text) in refused {
        world.command_for(c, capability, command, cause);
        assert_eq!(world.refusal(c), (Reason::OnBehalf, text.to_owned()));
    }
    assert_eq!((&world.effects[..], world.router.waits_for(world.party("d"))), (&[][..], false));
    for capability in [over_d, over_host] {
        world.command_for(c, capability, Command::GetState, of_a);
        assert!(matches!(world.hear(c)[..], [Heard::Done(None, _)]), "what `a` may itself");
    }
    world.command(c, over_host, Command::Shutdown);
    assert_eq!(world.effects, [Effect::StopHost { by: c }], "and in its own name what it may itself");
}

#[test]
fn whoever_asks_to_be_managed_himself_needs_the_right_to_it_but_may_be_answered() {
    let mut world = World::new(&rules(&["c", "d"], &["c > d: send shutdown delegate", "d > c: send"]));
    let [c, d] = ["c", "d"].map(|name| world.party(name));
    let (over_d, cause) = (world.held(c, Object::Party(d)), chain(&mut world, &["d", "c"]));
    world.command_for(c, over_d, Command::Shutdown, cause);
    assert_eq!((world.refusal(c).0, &world.effects[..]), (Reason::OnBehalf, &[][..]));
    assert_eq!(world.delegate_for(c, over_d, d, Rights::SEND, cause).unwrap_err().0, Reason::OnBehalf);
    world.send_for(c, d, cause, b"no");
    assert_eq!(world.bodies(d).len(), 1);
}

#[test]
fn a_deputy_hands_on_for_nobody_what_he_could_not_hand_on_himself() {
    let (mut world, [over_d, over_host]) = deputy("");
    let [b, c] = ["b", "c"].map(|name| world.party(name));
    let (of_a, of_b) = (chain(&mut world, &["a", "c"]), chain(&mut world, &["b", "c"]));
    let of_both = chain(&mut world, &["a", "b", "c"]);
    let before = (world.router.held(b), world.state(c).capabilities);
    // `a` has no right to stop `d`, none to hand on what it has over the host, and `b` has nothing.
    let refused = [
        (over_d, Rights::SHUTDOWN, of_a, "a", "d"),
        (over_d, Rights::SEND.and(Rights::SHUTDOWN), of_a, "a", "d"),
        (over_host, Rights::GET_STATE, of_a, "a", "host"),
        (over_d, Rights::SEND, of_b, "b", "d"),
        (over_d, Rights::SEND, of_both, "b", "d"),
    ];
    for (capability, rights, cause, caller, object) in refused {
        let text = format!("`{caller}`, on whose behalf it is, may not hand on these rights over `{object}`");
        assert_eq!(world.delegate_for(c, capability, b, rights, cause), Err((Reason::OnBehalf, text)));
    }
    assert_eq!((world.router.held(b), world.state(c).capabilities), before);
    let made = world.delegate_for(c, over_d, b, Rights::SEND.and(Rights::GET_STATE), of_a).unwrap();
    assert!(world.router.held(b).iter().any(|held| held.0 == made));
    world.delegate(c, over_d, b, Rights::SHUTDOWN).unwrap();
}

#[test]
fn rights_of_several_capabilities_of_a_caller_are_not_put_together() {
    let rules = rules(
        &["a", "c", "d"],
        &["a > d: send", "a > d: get_state delegate", "c > d: send delegate", "a > c: send"],
    );
    let mut world = World::new(&rules);
    let [a, c, d] = ["a", "c", "d"].map(|name| world.party(name));
    let cause = chain(&mut world, &["a", "c"]);
    let over_d = world.held(c, Object::Party(d));
    assert_eq!(world.delegate_for(c, over_d, a, Rights::SEND, cause).unwrap_err().0, Reason::OnBehalf);
    assert_eq!(world.router.held(a).len(), 3);
}

#[test]
fn a_rule_that_denies_a_caller_denies_what_is_asked_on_its_behalf() {
    let parties = ["a", "c", "d"];
    let allowed = ["a > c: send", "a > d: send shutdown delegate", "c > d: send shutdown delegate"];
    for (denied, of_delegate, of_command) in [("delegate", false, true), ("shutdown", true, false)] {
        let denied = format!("a > d: !{denied}");
        let mut world = World::new(&rules(&parties, &[&allowed[..], &[&denied]].concat()));
        let [a, c, d] = parties.map(|name| world.party(name));
        let cause = chain(&mut world, &["a", "c"]);
        let over_d = world.held(c, Object::Party(d));
        assert_eq!(world.delegate_for(c, over_d, a, Rights::SEND, cause).is_ok(), of_delegate, "{denied}");
        world.command_for(c, over_d, Command::Shutdown, cause);
        assert_eq!(world.effects.len(), usize::from(of_command), "{denied}");
    }
}

#[test]
fn a_deputy_that_vouches_commands_and_hands_on_for_others_too() {
    let (mut world, [over_d, over_host]) = deputy(" vouches");
    let [b, c] = ["b", "c"].map(|name| world.party(name));
    let cause = chain(&mut world, &["a", "b", "c"]);
    world.command_for(c, over_host, Command::Shutdown, cause);
    assert_eq!(world.effects, [Effect::StopHost { by: c }]);
    assert!(world.delegate_for(c, over_d, b, Rights::SHUTDOWN, cause).is_ok());
}

#[test]
fn one_that_is_there_for_others_only_commands_and_hands_on_for_whom_it_names() {
    let parties = ["c", "a", "d"];
    let text = rules(
        &parties,
        &[
            "c > d: send delegate",
            "c > host: get_state",
            "a > c: send",
            "a > d: send delegate",
            "a > host: get_state",
        ],
    );
    let limits = WIDE.replace("burst", "on_behalf_only = true, burst");
    let mut world = World::new(&text.replacen(WIDE, &limits, 1));
    let [c, a, d] = parties.map(|name| world.party(name));
    let (over_d, over_host) = (world.held(c, Object::Party(d)), world.held(c, Object::Host));
    let cause = chain(&mut world, &["a", "c"]);
    world.command_for(c, over_host, Command::GetState, cause);
    assert!(matches!(world.hear(c)[..], [Heard::Done(None, _)]));
    assert!(world.delegate_for(c, over_d, a, Rights::SEND, cause).is_ok());
    for (wrong, reason) in [(0, Reason::NoCause), (cause + 1, Reason::UnknownCause)] {
        world.command_for(c, over_host, Command::GetState, wrong);
        assert_eq!(world.refusal(c).0, reason);
        assert_eq!(world.delegate_for(c, over_d, a, Rights::SEND, wrong).unwrap_err().0, reason);
    }
}

#[test]
fn what_has_passed_through_too_many_hands_neither_commands_nor_hands_on() {
    let mut world =
        World::new(&rules(&["a", "b"], &["* > *: send", "* > b: send delegate", "* > host: get_state"]));
    let [a, b] = ["a", "b"].map(|name| world.party(name));
    let names: Vec<&str> = ["a", "b"].into_iter().cycle().take(HOPS_MAX + 1).collect();
    let (cause, short) = (chain(&mut world, &names), chain(&mut world, &["b", "a"]));
    let (over_host, over_b) = (world.held(a, Object::Host), world.held(a, Object::Party(b)));
    world.command_for(a, over_host, Command::GetState, cause);
    assert_eq!(world.refusal(a).0, Reason::Hops);
    assert_eq!(world.delegate_for(a, over_b, b, Rights::SEND, cause).unwrap_err().0, Reason::Hops);
    world.command_for(a, over_host, Command::GetState, short);
    assert!(matches!(world.hear(a)[..], [Heard::Done(None, _)]));
}

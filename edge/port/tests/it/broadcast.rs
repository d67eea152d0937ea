//! One publisher and subscribers of every kind.

use super::{LONG, SHORT};
use ioi_port::broadcast::{BroadcastPort, PublishError, Publisher, Start, SubscribeError, Subscriber};
use ioi_shm::{DescriptorChannel, Port, Region};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;
use std::thread;

/// Hands on until the other thread is done.
fn serve_while<T>(publisher: &mut Publisher, thread: &thread::JoinHandle<T>) {
    while !thread.is_finished() {
        publisher.wait(SHORT).unwrap();
        publisher.serve();
    }
}

fn subscribe(publisher: &mut Publisher, start: Start) -> Subscriber {
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    let connecting = thread::spawn(move || Subscriber::connect(theirs, start, 1 << 20, LONG).unwrap());
    publisher.subscribe(ours, LONG).unwrap();
    connecting.join().unwrap()
}

fn publish_all(publisher: &mut Publisher, bytes: RangeInclusive<u8>) {
    for byte in bytes {
        publisher.publish(1000, |place| place.fill(byte)).unwrap();
    }
}

/// What the subscriber gets until nothing more comes.
fn take_all(publisher: &mut Publisher, mut subscriber: Subscriber) -> (Vec<u8>, Subscriber) {
    let taking = thread::spawn(move || {
        let mut taken = Vec::new();
        while let Ok(publication) = subscriber.next(5 * SHORT) {
            assert!(publication.bytes.iter().all(|byte| *byte == publication.bytes[0]));
            taken.push(publication.bytes[0]);
        }
        (taken, subscriber)
    });
    serve_while(publisher, &taking);
    taking.join().unwrap()
}

#[test]
fn every_subscriber_reads_the_same_sealed_bytes_and_one_that_never_takes_stops_nobody() {
    let mut publisher = Publisher::new(7, 3, 8, 1 << 20);
    let _never_takes = subscribe(&mut publisher, Start::Oldest);
    let subscribers: Vec<_> = (0..3).map(|_| subscribe(&mut publisher, Start::Oldest)).collect();
    publish_all(&mut publisher, 1..=8);
    for subscriber in subscribers {
        let (taken, subscriber) = take_all(&mut publisher, subscriber);
        assert_eq!((taken, subscriber.missed()), ((1..=8).collect(), 0));
    }
    publisher.serve();
    assert_eq!((publisher.subscribers(), publisher.faults()), (1, 0), "the others have left");
}

#[test]
fn a_late_subscriber_gets_what_is_kept_and_a_slow_one_learns_what_it_missed() {
    let mut publisher = Publisher::new(7, 3, 3, 1 << 20);
    let slow = subscribe(&mut publisher, Start::Oldest);
    publish_all(&mut publisher, 1..=1);
    let (taken, slow) = take_all(&mut publisher, slow);
    assert_eq!(taken, [1]);
    publish_all(&mut publisher, 2..=10);
    let late = subscribe(&mut publisher, Start::Oldest);
    let newest = subscribe(&mut publisher, Start::Newest);
    assert_eq!(take_all(&mut publisher, late).0, [8, 9, 10]);
    assert_eq!(take_all(&mut publisher, newest).0, [10]);
    // Its open ask was answered with the next publication; then it fell behind.
    let (taken, slow) = take_all(&mut publisher, slow);
    assert_eq!((taken, slow.missed()), (vec![2, 8, 9, 10], 5));
}

#[test]
fn more_bytes_than_allowed_are_not_published() {
    let mut publisher = Publisher::new(7, 3, 3, 100);
    let refused = publisher.publish(101, |_| panic!("nothing is filled"));
    assert_eq!(refused, Err(PublishError::TooLong { bytes: 101, bytes_max: 100 }));
    assert!(matches!(publisher.publish(0, |_| ()), Err(PublishError::Region(_))));
}

/// Asks as fast as it is answered, and never takes a descriptor off the channel.
#[test]
fn a_subscriber_that_asks_and_never_takes_has_few_descriptors_under_way() {
    let mut publisher = Publisher::new(7, 3, 200, 1 << 20);
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    let connecting = thread::spawn(move || (BroadcastPort::connect(&theirs, 0, LONG).unwrap(), theirs));
    publisher.subscribe(ours, LONG).unwrap();
    let (mut port, channel) = connecting.join().unwrap();
    publish_all(&mut publisher, 0..=199);
    let mut answered = 0u32;
    loop {
        let ask = [&[9u8; 16][..], &answered.to_le_bytes(), &[0; 4]].concat();
        port.sender.try_send(1, &ask).unwrap();
        publisher.serve();
        if port.receiver.try_recv(&mut [0; 48]).unwrap().is_none() {
            break;
        }
        answered += 1;
    }
    assert!((1..=16).contains(&answered), "{answered} descriptors wait in the channel");
    let honest = subscribe(&mut publisher, Start::Newest);
    assert_eq!(take_all(&mut publisher, honest).0, [199], "nobody else is held up");
    drop(channel);
}

#[test]
fn a_subscriber_that_breaks_the_protocol_is_dropped_and_counted() {
    let second_ask = |port: &mut BroadcastPort| {
        let ask = [&[9u8; 16][..], &[0; 8]].concat();
        port.sender.try_send(1, &ask).unwrap();
        port.sender.try_send(1, &ask).unwrap();
    };
    let unknown_message = |port: &mut BroadcastPort| port.sender.try_send(7, &[0; 24]).unwrap();
    let wrong_length = |port: &mut BroadcastPort| port.sender.try_send(1, &[0; 23]).unwrap();
    let wrong_flag = |port: &mut BroadcastPort| port.sender.try_send(1, &[2; 24]).unwrap();
    type Misbehave = fn(&mut BroadcastPort);
    let cases: [(&str, Misbehave); 4] = [
        ("second ask", second_ask),
        ("unknown message", unknown_message),
        ("wrong length", wrong_length),
        ("wrong flag", wrong_flag),
    ];
    for (name, misbehave) in cases {
        let mut publisher = Publisher::new(7, 3, 3, 100);
        let (ours, theirs) = DescriptorChannel::pair().unwrap();
        let connecting = thread::spawn(move || (BroadcastPort::connect(&theirs, 0, LONG).unwrap(), theirs));
        publisher.subscribe(ours, LONG).unwrap();
        let (mut port, _channel) = connecting.join().unwrap();
        misbehave(&mut port);
        publisher.serve();
        publisher.serve();
        assert_eq!((publisher.subscribers(), publisher.faults()), (0, 1), "{name}");
    }
}

/// A publisher of lies: `lie` gets the id that was asked for.
fn lied_to(lie: fn(&mut BroadcastPort, &DescriptorChannel, [u8; 16])) -> SubscribeError {
    let (ours, theirs) = DescriptorChannel::pair().unwrap();
    let lying = thread::spawn(move || {
        let mut port: BroadcastPort = Port::connect(&ours, 0, LONG).unwrap();
        let mut ask = [0; 48];
        port.receiver.recv_timeout(&mut ask, LONG).unwrap();
        lie(&mut port, &ours, ask[..16].try_into().unwrap());
        (port, ours)
    });
    let mut subscriber = Subscriber::connect(theirs, Start::Oldest, 4096, LONG).unwrap();
    let error = subscriber.next(LONG).unwrap_err();
    lying.join().unwrap();
    error
}

fn here(port: &mut BroadcastPort, id: [u8; 16], length: u64) {
    let handle =
        [&7u64.to_le_bytes()[..], &[1, 0, 0, 0, 0, 0, 0, 0], &[0; 8], &length.to_le_bytes()].concat();
    port.sender.try_send(2, &[&id[..], &handle].concat()).unwrap();
}

fn sealed(bytes: u64) -> ioi_shm::Sealed {
    Region::create(bytes).unwrap().seal().unwrap()
}

#[test]
fn a_publisher_of_anything_but_the_sealed_bytes_that_were_asked_for_is_refused() {
    let unsealed = lied_to(|port, channel, id| {
        let region = Region::create(10).unwrap();
        channel.send(id, region.writer_descriptor().unwrap().as_fd()).unwrap();
        here(port, id, 10);
    });
    assert!(matches!(unsealed, SubscribeError::Rejected(_)), "{unsealed}");
    let too_large = lied_to(|port, channel, id| {
        channel.send(id, sealed(4097).reader_descriptor().unwrap().as_fd()).unwrap();
        here(port, id, 4097);
    });
    assert!(matches!(too_large, SubscribeError::Rejected(_)), "{too_large}");
    let longer = lied_to(|port, channel, id| {
        channel.send(id, sealed(10).reader_descriptor().unwrap().as_fd()).unwrap();
        here(port, id, 11);
    });
    assert!(matches!(longer, SubscribeError::Handle(_)), "{longer}");
    let shorter = lied_to(|port, channel, id| {
        channel.send(id, sealed(10).reader_descriptor().unwrap().as_fd()).unwrap();
        here(port, id, 9);
    });
    assert_eq!(shorter, SubscribeError::Protocol);
    let other_id = lied_to(|port, channel, id| {
        channel.send([1; 16], sealed(10).reader_descriptor().unwrap().as_fd()).unwrap();
        here(port, id, 10);
    });
    assert_eq!(other_id, SubscribeError::Protocol);
    let unasked = lied_to(|port, _, _| here(port, [1; 16], 10));
    assert_eq!(unasked, SubscribeError::Protocol);
    let nothing = lied_to(|port, _, id| here(port, id, 10));
    assert_eq!(nothing, SubscribeError::Protocol, "the descriptor comes first, or not at all");
}

//! iceoryx2: a publish-subscribe service each way, and an event service each way when it blocks.
#![allow(unsafe_code, reason = "its fastest loan is memory that counts as not initialised")]

use crate::cell::{BULK_BYTES, Cell, Wait};
use crate::channel::{Channel, Connect};
use crate::link::Link;
use crate::patience;
use crate::traces::Places;
use crate::transports::depth;
use anyhow::{Result, anyhow};
use iceoryx2::config::Config;
use iceoryx2::node::Node;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::sample::Sample;

type Service = ipc::Service;

/// One end: a publisher with its notifier, a subscriber with its listener.
pub struct Iceoryx {
    publisher: Publisher<Service, [u8], ()>,
    subscriber: Subscriber<Service, [u8], ()>,
    events: Option<(Notifier<Service>, Listener<Service>)>,
    /// Last, so that it goes last.
    node: Node<Service>,
}

/// Everything that it makes lies where this run counts and removes it.
fn config(places: &Places) -> Result<Config> {
    let mut config = Config::default();
    let root = places.scratch().join("iox2");
    config
        .global
        .set_root_path(&Path::new(root.as_os_str().as_encoded_bytes()).map_err(|e| anyhow!("{e:?}"))?);
    config.global.prefix = FileName::new(places.prefix().as_bytes()).map_err(|e| anyhow!("{e:?}"))?;
    Ok(config)
}

impl Iceoryx {
    fn new(out: &str, inwards: &str, cell: &Cell, sizes: (usize, usize)) -> Result<Self> {
        set_log_level(LogLevel::Fatal);
        let node = NodeBuilder::new().config(&config(&Places::inherited()?)?).create::<Service>()?;
        let (sent, received) = (service(&node, out, sizes.0)?, service(&node, inwards, sizes.1)?);
        let publisher = sent.publisher_builder().initial_max_slice_len(sizes.0);
        let publisher = publisher.backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
        let publisher = publisher.max_loaned_samples(1).create()?;
        let subscriber = received.subscriber_builder().create()?;
        let events = match cell.wait {
            Wait::Spin => None,
            Wait::Block => Some(events(&node, out, inwards)?),
        };
        Ok(Self { publisher, subscriber, events, node })
    }

    fn wait(&self) -> Result<Sample<Service, [u8], ()>> {
        loop {
            if let Some(sample) = patience::spin(|| Ok(self.subscriber.receive()?))? {
                return Ok(sample);
            }
            if let Some((_, listener)) = &self.events {
                listener.blocking_wait(|_| ())?;
            }
        }
    }
}

fn service(
    node: &Node<Service>,
    name: &str,
    bytes: usize,
) -> Result<iceoryx2::service::port_factory::publish_subscribe::PortFactory<Service, [u8], ()>> {
    let builder = node.service_builder(&name.try_into()?).publish_subscribe::<[u8]>();
    let builder = builder.max_publishers(1).max_subscribers(1).max_nodes(2).history_size(0);
    let builder =
        builder.enable_safe_overflow(false).payload_alignment(Alignment::new(64).expect("a power of two"));
    // At the bulk size each sample in flight is 50 MiB that must have been touched.
    let in_flight = if bytes >= BULK_BYTES { 1 } else { depth(bytes) };
    Ok(builder.subscriber_max_buffer_size(in_flight).subscriber_max_borrowed_samples(1).open_or_create()?)
}

fn events(node: &Node<Service>, out: &str, inwards: &str) -> Result<(Notifier<Service>, Listener<Service>)> {
    let sent = node.service_builder(&out.try_into()?).event().open_or_create()?;
    let received = node.service_builder(&inwards.try_into()?).event().open_or_create()?;
    Ok((sent.notifier_builder().create()?, received.listener_builder().create()?))
}

impl Channel for Iceoryx {
    #[inline]
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        let mut sample = self.publisher.loan_slice_uninit(bytes)?;
        let payload = sample.payload_mut();
        // SAFETY: it is mapped shared memory, which the kernel gave zeroed, so each byte has a value;
        // and nobody else has the sample before it is sent.
        fill(unsafe { std::slice::from_raw_parts_mut(payload.as_mut_ptr().cast(), payload.len()) });
        // SAFETY: as above.
        unsafe { sample.assume_init() }.send()?;
        if let Some((notifier, _)) = &self.events {
            notifier.notify()?;
        }
        Ok(())
    }

    #[inline]
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        Ok(read(self.wait()?.payload()))
    }

    fn recover(&mut self) -> Result<bool> {
        self.node.blocking_cleanup_dead_nodes(std::time::Duration::from_secs(5));
        Ok(true)
    }
}

impl Connect for Iceoryx {
    const PRIVATE: bool = false;

    fn near(link: &mut Link, cell: &Cell) -> Result<Self> {
        let end = Self::new("there", "back", cell, (cell.bytes, cell.answer_bytes()))?;
        link.say("opened")?;
        link.hear()?;
        Ok(end)
    }

    fn far(link: &mut Link, cell: &Cell) -> Result<Self> {
        link.hear()?;
        let end = Self::new("back", "there", cell, (cell.answer_bytes(), cell.bytes))?;
        link.say("opened")?;
        Ok(end)
    }
}

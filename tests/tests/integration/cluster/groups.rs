//! Consumer groups and share groups of encrypted topics.

mod sharing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, DescribeGroupsRequest, FindCoordinatorRequest, GroupId,
};
use kafka_protocol::protocol::StrBytes;
use serde_json::Value;
use tests::{
    Client, ConsumeOptions, Consumed, Member, ProduceOptions, Proxy, RawConnection, ReceivedRecord,
    SentRecord, eventually, topic,
};

use super::{ALL_RUN, Three, policy, text};

const PATIENCE: Duration = Duration::from_secs(45);
const PARTITIONS: i32 = 4;
/// Records in each partition.
const EACH: usize = 20;
/// What one of two members gets.
const HALF: usize = EACH * 2;

/// Several partitions, and a proxy of one's own that may be restarted.
struct Group {
    proxy: Proxy,
    topic: String,
    name: String,
}

impl Group {
    async fn new(purpose: &str) -> Self {
        let three = Three::shared().await;
        let topic = topic(&format!("batch.{purpose}"));
        three.cluster.create_topic(&topic, PARTITIONS, &[]).await;
        let proxy = Proxy::before(&three.cluster).policy(policy()).start().await;
        Self { proxy, name: format!("group-of-{topic}"), topic }
    }

    fn records(from: usize) -> Vec<SentRecord> {
        let numbers = from..from + EACH;
        let partitions = numbers.flat_map(|number| (0..PARTITIONS).map(move |partition| (number, partition)));
        partitions
            .map(|(number, partition)| SentRecord::of(format!("{partition}/{number}")).partition(partition))
            .collect()
    }

    async fn write(&self, from: usize) {
        let options = ProduceOptions::to(self.proxy.bootstrap(), &self.topic);
        Client::Go.produce_all(&options, &Self::records(from)).await;
    }

    async fn read(&self, client: Client, count: usize, properties: &[(&str, &str)]) -> Consumed {
        client.consume(&self.options(count, properties)).await
    }

    fn options(&self, count: usize, properties: &[(&str, &str)]) -> ConsumeOptions {
        let options = ConsumeOptions::from(self.proxy.bootstrap(), &self.topic)
            .group(&self.name)
            .count(count)
            .timeout(PATIENCE);
        properties.iter().fold(options, |options, (name, value)| options.property(name, value))
    }

    /// A connection through the proxy to the group's coordinator.
    async fn coordinator(&self) -> std::io::Result<RawConnection> {
        let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(&self.name)]);
        let mut connection = RawConnection::connect(&self.proxy.bootstrap()).await?;
        let answer = connection.call(&request, 4).await?;
        let found = answer.coordinators.first().filter(|found| found.error_code == 0);
        let found = found.ok_or_else(|| std::io::Error::other("no coordinator"))?;
        RawConnection::connect(&format!("{}:{}", found.host.as_str(), found.port)).await
    }

    /// Members that have partitions, while the group is stable.
    async fn members(&self) -> std::io::Result<usize> {
        let mut coordinator = self.coordinator().await?;
        let name = GroupId(text(&self.name));
        let request = DescribeGroupsRequest::default().with_groups(vec![name.clone()]);
        let answer = coordinator.call(&request, 5).await?;
        let classic = &answer.groups[0];
        if classic.group_state.as_str() == "Stable" {
            let members = classic.members.iter();
            return Ok(members.filter(|member| !member.member_assignment.is_empty()).count());
        }
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![name]);
        let answer = coordinator.call(&request, 0).await?;
        let members = answer.groups[0].members.iter();
        let settled = members.filter(|member| {
            !member.assignment.topic_partitions.is_empty() && member.assignment == member.target_assignment
        });
        Ok(settled.count())
    }

    /// What each static member has, while the group is stable.
    async fn assigned(&self) -> BTreeMap<StrBytes, Bytes> {
        let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(text(&self.name))]);
        let answer = self.coordinator().await.unwrap().call(&request, 5).await.unwrap();
        assert_eq!(answer.groups[0].group_state.as_str(), "Stable", "{answer:?}");
        let members = answer.groups[0].members.iter();
        members
            .map(|member| (member.group_instance_id.clone().unwrap(), member.member_assignment.clone()))
            .collect()
    }

    /// Two members read together what is written once both have partitions. A later one goes on where they stopped, behind
    /// a proxy that was started again.
    async fn shares_and_resumes(self, other: Client, properties: &[(&str, &str)]) {
        let write = async {
            let two = async || self.members().await.is_ok_and(|members| members == 2);
            eventually("both members have partitions", PATIENCE, two).await;
            self.write(0).await;
        };
        let (java, other, ()) = tokio::join!(
            self.read(Client::Java, HALF, properties),
            self.read(other, HALF, properties),
            write
        );
        assert!(java.errors.is_empty() && other.errors.is_empty());
        let [of_java, of_other] = [&java, &other].map(|consumed| partitions_of(&consumed.records));
        assert_eq!(
            of_java.len() + of_other.len(),
            4,
            "partitions were not shared: {of_java:?} and {of_other:?}"
        );
        is_complete("two members", &[java.records, other.records].concat(), 0);

        self.proxy.restart().await;
        self.write(EACH).await;
        let later = self.read(Client::Python, 2 * HALF, properties).await;
        assert!(later.errors.is_empty(), "{:?}", later.errors);
        is_complete("one member, later", &later.records, EACH);
    }
}

/// Each partition's records from this number on, once and in order.
fn is_complete(what: &str, received: &[ReceivedRecord], from: usize) {
    are_complete(what, received, &(0..PARTITIONS).collect::<Vec<_>>(), from);
}

/// The same of these partitions, and nothing of others.
fn are_complete(what: &str, received: &[ReceivedRecord], partitions: &[i32], from: usize) {
    assert_eq!(partitions_of(received), partitions, "{what}");
    for partition in partitions.iter().copied() {
        let of_partition = received.iter().filter(|record| record.partition == partition);
        let values: Vec<String> = of_partition
            .map(|record| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned())
            .collect();
        let expected = (from..from + EACH).map(|number| format!("{partition}/{number}"));
        assert!(values.iter().cloned().eq(expected), "{what}: {values:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_group_share_partitions_and_resume_after_a_restart() {
    let _all_run = ALL_RUN.read().await;
    let group = Group::new("classic-group").await;
    group.shares_and_resumes(Client::Librdkafka, &[]).await;
}

/// KIP-848: the broker assigns partitions.
#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_consumer_protocol_group_share_partitions_and_resume() {
    let _all_run = ALL_RUN.read().await;
    let group = Group::new("consumer-group").await;
    group.shares_and_resumes(Client::Python, &[("group.protocol", "consumer")]).await;
}

/// KIP-345: who comes back under its name within the session time has its partitions without a rebalance, and nobody else had
/// them meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_keeps_its_place_while_it_is_away() {
    let _all_run = ALL_RUN.read().await;
    let group = Group::new("static-group").await;
    let options = group.options(3 * HALF, &[("group.instance.id", "stays")]);
    let mut stays = Member::start(Client::Librdkafka, &options.timeout(4 * PATIENCE)).await;
    let goes = async || {
        let read = group.read(Client::Java, HALF, &[("group.instance.id", "goes")]).await;
        assert!(read.errors.is_empty(), "{:?}", read.errors);
        read.records
    };
    let write = async {
        let two = async || group.members().await.is_ok_and(|members| members == 2);
        eventually("both members have partitions", PATIENCE, two).await;
        group.write(0).await;
    };
    let (of_stays, of_goes, ()) = tokio::join!(stays.records(HALF), goes(), write);
    let [at_stays, at_goes] = [&of_stays, &of_goes].map(|records| partitions_of(records));
    are_complete("at first, the one that stays", &of_stays, &at_stays, 0);
    are_complete("at first, the one that goes", &of_goes, &at_goes, 0);
    let assigned = group.assigned().await;
    assert_eq!(assigned.len(), 2, "a member left the group");

    group.write(EACH).await;
    are_complete("alone", &stays.records(HALF).await, &at_stays, EACH);
    assert_eq!(group.assigned().await, assigned, "a rebalance while one member is away");
    are_complete("back again", &goes().await, &at_goes, EACH);
    assert_eq!(group.assigned().await, assigned, "a rebalance for a member that is back");

    group.write(2 * EACH).await;
    are_complete("in the end, the one that stays", &stays.records(HALF).await, &at_stays, 2 * EACH);
    are_complete("in the end, the one that goes", &goes().await, &at_goes, 2 * EACH);
    assert_eq!(group.assigned().await, assigned, "a rebalance in the end");
    stays.leave().await;
}

fn partitions_of(received: &[ReceivedRecord]) -> Vec<i32> {
    let partitions: BTreeSet<i32> = received.iter().map(|record| record.partition).collect();
    partitions.into_iter().collect()
}

async fn admin(action: &str, words: &[&str]) -> Value {
    let bootstrap = Three::shared().await.proxy.bootstrap();
    let words = [&[action, "--bootstrap", &bootstrap], words].concat();
    let words = words.into_iter().map(str::to_owned).collect();
    let outcome = Client::Java.command("admin", words, ("records", Vec::new()), PATIENCE).await;
    assert_eq!(outcome.code, 0, "{outcome}");
    outcome.lines[0].clone()
}

/// A share group reads everything. Returns it by partition.
async fn share_group_reads(
    prefix: &str,
    purpose: &str,
    with: impl Fn(ConsumeOptions) -> ConsumeOptions,
) -> Vec<ReceivedRecord> {
    let _all_run = ALL_RUN.read().await;
    let three = Three::shared().await;
    let topic = topic(&format!("{prefix}.{purpose}"));
    three.cluster.create_topic(&topic, PARTITIONS, &[]).await;
    let group = format!("share-group-of-{topic}");
    admin("alter-config", &["--group", &group, "--config", "share.auto.offset.reset=earliest"]).await;
    let options = ProduceOptions::to(three.proxy.bootstrap(), &topic);
    let records = Group::records(0);
    Client::Python.produce_all(&options, &records).await;
    let options = ConsumeOptions::from(three.proxy.bootstrap(), &topic).group(&group).timeout(PATIENCE);
    let consumed = Client::share_consume(&with(options.count(records.len()))).await;
    assert!(consumed.errors.is_empty(), "{:?}", consumed.errors);
    let mut received = consumed.records;
    received.sort_by_key(|record| (record.partition, record.offset));
    is_complete("share group", &received, 0);
    received
}

/// Conformance: P17-02.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_group_reads_batch_format() {
    share_group_reads("batch", "share", |options| options).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_group_reads_record_format() {
    share_group_reads("record", "share", |options| options).await;
}

/// KIP-1206 and KIP-1222.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_a_share_group_takes_few_records_and_keeps_them_for_longer() {
    const FEW: i64 = 3;
    let few = |options: ConsumeOptions| {
        let options = options.property("share.acquire.mode", "record_limit");
        options.property("max.poll.records", &FEW.to_string()).option("--ack", "renew")
    };
    let received = share_group_reads("batch", "share-renew", few).await;
    let most = received.iter().filter_map(|record| record.largest_poll).max();
    assert!(most.is_some_and(|most| most <= FEW), "{most:?} records at once");
}

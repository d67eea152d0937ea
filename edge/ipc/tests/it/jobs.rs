//! Jobs across a connection: each id once, each stopped by whoever may.

use super::calls::{EXECUTE, HEALTH_CHECK, call, framed};
use super::deadlines::{endless, waits};
use super::process::Server;
use ioi_ipc::pair;
use ioi_ipc::proto::control::{
    CancelJobRequest, ComposeJob, ExecuteJobRequest, HealthCheckRequest, IndexJob, execute_job_request::Job,
    workload_client::WorkloadClient,
};
use ioi_ipc::status::code;
use ioi_ipc::tonic::transport::Channel;
use ioi_types::ErrorCode;
use std::time::{Duration, Instant};

async fn client(server: &Server) -> WorkloadClient<Channel> {
    let stream = server.connect().await.into_std().unwrap();
    WorkloadClient::new(pair::client(stream.into()).await.unwrap())
}

/// Jobs under way, once there are as many.
async fn running(client: &mut WorkloadClient<Channel>, expected: u32) {
    let begun = Instant::now();
    loop {
        let reply = client.health_check(HealthCheckRequest {}).await.unwrap().into_inner();
        if reply.jobs_running == expected {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{} jobs, not {expected}", reply.jobs_running);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn job(job_id: u64, job: Job) -> ExecuteJobRequest {
    ExecuteJobRequest { job_id, job: Some(job) }
}

/// I84
#[tokio::test]
async fn a_cancelled_job_ends_its_call_by_name_and_stops() {
    let server = Server::start();
    let mut client = client(&server).await;
    let mut silent = client.execute_job(job(1, Job::Index(IndexJob {}))).await.unwrap().into_inner();
    let mut endless =
        client.execute_job(job(2, Job::Compose(ComposeJob::default()))).await.unwrap().into_inner();
    assert!(endless.message().await.unwrap().is_some());
    running(&mut client, 2).await;
    for (id, events) in [(1, &mut silent), (2, &mut endless)] {
        assert!(client.cancel_job(CancelJobRequest { job_id: id }).await.unwrap().into_inner().was_running);
        let end = async {
            loop {
                match events.message().await {
                    Ok(Some(_)) => {}
                    end => return end,
                }
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(10), end).await.expect("the job goes on");
        assert_eq!(code(&ended.unwrap_err()), ErrorCode::Cancelled, "job {id}");
    }
    running(&mut client, 0).await;
    let again = client.cancel_job(CancelJobRequest { job_id: 1 }).await.unwrap().into_inner();
    assert!(!again.was_running);
}

/// I85
#[tokio::test]
async fn a_job_id_is_taken_once_whoever_uses_it_and_whatever_became_of_it() {
    let server = Server::start();
    let (mut one, mut other) = (client(&server).await, client(&server).await);
    let under_way = one.execute_job(job(5, Job::Index(IndexJob {}))).await.unwrap();
    for client in [&mut one, &mut other] {
        let refused = client.execute_job(job(5, Job::Index(IndexJob {}))).await.unwrap_err();
        assert_eq!(code(&refused), ErrorCode::ProtocolId);
        assert!(refused.message().contains("job id 5"), "{refused}");
    }
    running(&mut one, 1).await;
    drop(under_way);
    running(&mut one, 0).await;
    assert_eq!(
        code(&one.execute_job(job(5, Job::Index(IndexJob {}))).await.unwrap_err()),
        ErrorCode::ProtocolId
    );
    assert_eq!(
        code(&one.execute_job(job(0, Job::Index(IndexJob {}))).await.unwrap_err()),
        ErrorCode::ProtocolId
    );
}

#[tokio::test]
async fn a_client_that_vanishes_in_the_middle_takes_its_jobs_with_it() {
    let server = Server::start();
    let mut other = client(&server).await;
    let mut vanishing = client(&server).await;
    let mut endless =
        vanishing.execute_job(job(1, Job::Compose(ComposeJob::default()))).await.unwrap().into_inner();
    let silent = vanishing.execute_job(job(2, Job::Index(IndexJob {}))).await.unwrap();
    assert!(endless.message().await.unwrap().is_some());
    running(&mut other, 2).await;
    drop((endless, silent, vanishing));
    running(&mut other, 0).await;
    server.rests().await;
}

#[tokio::test]
async fn jobs_at_once_have_a_bound_and_their_room_comes_back() {
    let server = Server::start();
    let mut client = client(&server).await;
    let mut under_way = Vec::new();
    let over = loop {
        let id = under_way.len() as u64 + 1;
        match client.execute_job(job(id, Job::Index(IndexJob {}))).await {
            Ok(events) => under_way.push(events),
            Err(over) => break over,
        }
    };
    assert_eq!((code(&over), under_way.len()), (ErrorCode::QuotaCalls, ioi_ipc::jobs::JOBS_MAX));
    drop(under_way);
    running(&mut client, 0).await;
    drop(client.execute_job(job(1000, Job::Index(IndexJob {}))).await.unwrap());
}

/// The two kinds of job of these tests are what their names say, or the tests above show nothing.
#[tokio::test]
async fn an_endless_job_tells_and_a_waiting_one_does_not() {
    let server = Server::start();
    for (job, tells) in [(endless(1), true), (waits(2), false)] {
        let answer = call(server.connect().await, EXECUTE, &[("grpc-timeout", "200m")], job).await.unwrap();
        assert_eq!(!answer.body.is_empty(), tells);
    }
    let answer = call(server.connect().await, HEALTH_CHECK, &[], framed(&[])).await.unwrap();
    assert_eq!(answer.body, framed(&[0x10, 2]));
}

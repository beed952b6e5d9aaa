//! Which queue, and how it is reached.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use aws_config::meta::region::RegionProviderChain;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use pipeline_runtime::queue::Profile;
use tokio::sync::OnceCell;

use super::handle::{Inner, SqsQueue};
use super::limits::{ENTRIES, WAIT, is_fifo};

/// The lease, where nothing else is said.
const LEASE: Duration = Duration::from_secs(30);
/// The most receive requests at a time, where nothing else is said.
const REQUESTS: usize = 10;
/// What a request may take beyond the wait for a message, before it is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The SQS queue of this name or URL, to be opened.
///
/// Region and credentials are found as the AWS SDK finds them: in the environment, in the profile, from the container or
/// the machine; single sign-on is not built in. A URL of AWS names its region itself.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use pipeline_connectors::queue;
/// use pipeline_runtime::queue::{Outgoing, Queue};
///
/// let reports = queue::sqs("reports").lease(Duration::from_secs(120)).open().await;
/// reports.send(vec![Outgoing::new("one".into()).id("report 1")]).await?;
///
/// // What speaks the protocol of SQS elsewhere:
/// let local = queue::sqs("reports").endpoint("http://127.0.0.1:4566").open().await;
/// # Ok(())
/// # }
/// ```
pub fn sqs(queue: impl Into<String>) -> SqsQueueBuilder {
    SqsQueueBuilder {
        queue: queue.into(),
        client: None,
        endpoint: None,
        region: None,
        lease: LEASE,
        requests: REQUESTS,
    }
}

/// What [`sqs`] returns: a queue before it is opened.
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct SqsQueueBuilder {
    queue: String,
    client: Option<Client>,
    endpoint: Option<String>,
    region: Option<String>,
    lease: Duration,
    requests: usize,
}

impl SqsQueueBuilder {
    /// For how long a received message is hidden from others, unless that is extended; in whole seconds, rounded up, from
    /// 1 second to 12 hours. The default is 30 seconds, whatever the queue's own visibility timeout is.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// The most receive requests at a time, at least 1, each for ten messages of a standard queue or one of a FIFO queue.
    /// The default is 10.
    pub fn requests(mut self, most: usize) -> Self {
        self.requests = most.max(1);
        self
    }

    /// Where SQS is, instead of AWS.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The region, instead of the one that the SDK finds.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// A client that is configured already; endpoint and region are then its own.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Opens it. SQS is not asked before the first message is received or sent; if it cannot be reached then, that is an
    /// error which may pass, and a pipeline tries again. Region and credentials are looked for, for which the SDK may read
    /// files and ask the machine: that is why it is to be awaited. With a [`client`](Self::client) it is ready at once.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn open(self) -> SqsQueue {
        let client = match self.client.clone() {
            Some(client) => client,
            None => self.connect().await,
        };
        let is_url = self.queue.contains("://");
        let name = self.queue.rsplit('/').next().unwrap_or_default();
        let batch = if is_fifo(name) { 1 } else { ENTRIES };
        SqsQueue(Arc::new(Inner {
            client,
            name: format!("sqs:{name}").into(),
            url: OnceCell::new_with(is_url.then(|| self.queue.clone())),
            profile: Profile::new(self.lease, batch * self.requests, ENTRIES),
            requests: self.requests,
            eager: AtomicUsize::new(1),
            queue: self.queue,
        }))
    }

    async fn connect(&self) -> Client {
        let region = self
            .region
            .clone()
            .or_else(|| region_of(&self.queue))
            .map(Region::new);
        // A server that is not AWS's has no regions, but a request is signed for one.
        let fallback = self.endpoint.as_ref().map(|_| Region::new("us-east-1"));
        let region = RegionProviderChain::first_try(region)
            .or_default_provider()
            .or_else(fallback);
        // Without a limit of its own a request to a machine that is gone would wait for ever.
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(WAIT + PATIENCE);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region)
            .timeout_config(timeouts.build());
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        Client::new(&loader.load().await)
    }
}

/// The region in a URL such as `https://sqs.eu-west-1.amazonaws.com/123/orders`.
fn region_of(url: &str) -> Option<String> {
    let host = url.split("://").nth(1)?.split('/').next()?;
    let (region, _) = host.strip_prefix("sqs.")?.split_once(".amazonaws.com")?;
    Some(region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn a_url_of_aws_names_its_region() {
        let region = |url| region_of(url);
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(
            region("https://sqs.eu-west-1.amazonaws.com/1/a"),
            some("eu-west-1")
        );
        assert_eq!(
            region("https://sqs.cn-north-1.amazonaws.com.cn/1/a"),
            some("cn-north-1")
        );
        assert_eq!(region("http://127.0.0.1:4566/1/a"), None);
        assert_eq!(region("orders"), None);
    }
}

//! Whole tasks, a page each, with code that runs.

#[cfg(feature = "watch")]
#[doc = include_str!("../guide/watching.md")]
pub mod watching {}

pub mod cookbook {
    //! What is often wanted, and how it is built from what there is.
    //!
    //! | page | for |
    //! |---|---|
    //! | `a_whole_system` (feature `service`) | a queue for several processes, signals, a schedule, events for other programs, dead letters |
    //! | [`at_most_per_tenant`] | one customer's thousand jobs do not keep the workers from everybody else's |
    //! | [`backfill_then_live`] | what is kept, and then what comes |
    //! | [`branch`] | items of several kinds, each with stages, workers and a sink of its own |
    //! | [`come_and_go`] | sources that come and go while the pipeline runs |
    //! | [`copies`] | the same items go to a second place, too |
    //! | [`cycle`] | what is made of items goes in again |
    //! | [`dynamodb`] | events that are appended to a table of `DynamoDB`, each once |
    //! | [`duplicates`] | work that comes twice is done once |
    //! | [`fork_and_join`] | several calls for one item at the same time, and all their answers in its record |
    //! | [`giants`] | items of very different sizes, in a program that may have so much memory |
    //! | [`operate_a_queue`] | how much waits, and what; take it out, let it come now, hold all workers |
    //! | [`order_by_key`] | many calls at the same time, but those of one user one after the other |
    //! | [`postgres`] | rows and acknowledgements in one transaction; messages that any program sends in SQL |
    //! | [`rate_and_retry_after`] | a service that takes so many calls, and says when to come again |
    //! | [`pages_of_an_api`] | pages by a cursor, at a rate; a stream that breaks and goes on where it was |
    //! | [`pipeline_to_pipeline`] | one message through several pipelines, acknowledged behind the last |
    //! | `services` (feature `service`) | a program of several pipelines: started in order, made again, stopped without loss |
    //! | [`sessions_and_totals`] | what comes of an item depends on those before it |

    #[cfg(feature = "service")]
    #[doc = include_str!("../guide/cookbook/a-whole-system.md")]
    pub mod a_whole_system {}

    #[doc = include_str!("../guide/cookbook/at-most-per-tenant.md")]
    pub mod at_most_per_tenant {}

    #[doc = include_str!("../guide/cookbook/backfill-then-live.md")]
    pub mod backfill_then_live {}

    #[doc = include_str!("../guide/cookbook/branch.md")]
    pub mod branch {}

    #[doc = include_str!("../guide/cookbook/come-and-go.md")]
    pub mod come_and_go {}

    #[doc = include_str!("../guide/cookbook/copies.md")]
    pub mod copies {}

    #[doc = include_str!("../guide/cookbook/cycle.md")]
    pub mod cycle {}

    #[doc = include_str!("../guide/cookbook/dynamodb.md")]
    ///
    /// ```ignore
    #[doc = include_str!("../tests/dynamodb/append.rs")]
    /// ```
    ///
    #[doc = include_str!("../guide/cookbook/dynamodb-notes.md")]
    pub mod dynamodb {}

    #[doc = include_str!("../guide/cookbook/duplicates.md")]
    pub mod duplicates {}

    #[doc = include_str!("../guide/cookbook/fork-and-join.md")]
    pub mod fork_and_join {}

    #[doc = include_str!("../guide/cookbook/giants.md")]
    pub mod giants {}

    #[doc = include_str!("../guide/cookbook/operate-a-queue.md")]
    pub mod operate_a_queue {}

    #[doc = include_str!("../guide/cookbook/order-by-key.md")]
    pub mod order_by_key {}

    #[doc = include_str!("../guide/cookbook/pages-of-an-api.md")]
    pub mod pages_of_an_api {}

    #[doc = include_str!("../guide/cookbook/pipeline-to-pipeline.md")]
    pub mod pipeline_to_pipeline {}

    #[cfg_attr(
        feature = "postgres",
        doc = include_str!("../guide/cookbook/postgres.md")
    )]
    #[cfg_attr(
        not(feature = "postgres"),
        doc = "PostgreSQL as queue and table: a page that needs the feature `postgres`."
    )]
    pub mod postgres {}

    #[doc = include_str!("../guide/cookbook/rate-and-retry-after.md")]
    pub mod rate_and_retry_after {}

    #[cfg(feature = "service")]
    #[doc = include_str!("../guide/cookbook/services.md")]
    pub mod services {}

    #[doc = include_str!("../guide/cookbook/sessions-and-totals.md")]
    pub mod sessions_and_totals {}
}

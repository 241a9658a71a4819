//! On whose behalf the running task acts. It goes with the task, so that no rule and no handler has to carry it: the API says it
//! once for a request, and [`crate::Control::transact`] takes it along.

use std::sync::Arc;

use model::author::Author;

tokio::task_local! {
    static AUTHOR: Arc<Author>;
}

/// Runs `work` on somebody's behalf. What it spawns is the cloud's own again, unless it says so anew.
pub async fn acting<T>(author: Author, work: impl Future<Output = T>) -> T {
    AUTHOR.scope(Arc::new(author), work).await
}

/// Who it is; the cloud itself where nobody was named.
pub(crate) fn current() -> Arc<Author> {
    AUTHOR.try_with(Arc::clone).unwrap_or_default()
}

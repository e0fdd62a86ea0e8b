//! A viewer, and what they were found to be allowed.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, header};
use uuid::Uuid;

use crate::{
    fault::Fault,
    place::{self, Event, Place, Refused},
};

/// After that long, whether a viewer may look is asked once more.
const RIGHTS_LAST: Duration = Duration::from_secs(60);

/// Who looks.
pub(crate) struct Viewer {
    they: Box<dyn place::Viewer>,
    /// By namespace; `None` for all of them.
    known: HashMap<Option<String>, (bool, Instant)>,
}

impl Viewer {
    /// Whoever sent the request. A token that nobody knows is told at once.
    pub(crate) async fn of(place: &dyn Place, headers: &HeaderMap) -> Result<Self, Fault> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
        let they = place.viewer(token).await.map_err(Fault::Refused)?;
        let mut viewer = Self { they, known: HashMap::new() };
        viewer.may_see(None).await.map_err(Fault::Refused)?;
        Ok(viewer)
    }

    async fn may_see(&mut self, namespace: Option<&str>) -> Result<bool, Refused> {
        let key = namespace.map(str::to_owned);
        if let Some((may, at)) = self.known.get(&key)
            && at.elapsed() < RIGHTS_LAST
        {
            return Ok(*may);
        }
        let may = self.they.may_see(namespace).await?;
        self.known.insert(key, (may, Instant::now()));
        Ok(may)
    }

    /// Of these namespaces those whose jobs they may see.
    pub(crate) async fn seen(&mut self, namespaces: HashSet<&str>) -> Result<HashSet<String>, Refused> {
        let all = self.may_see(None).await?;
        let mut seen = HashSet::new();
        for namespace in namespaces {
            if all || self.may_see(Some(namespace)).await? {
                seen.insert(namespace.to_owned());
            }
        }
        Ok(seen)
    }

    /// Makes sure that they may see the jobs of the namespace.
    pub(crate) async fn admit(&mut self, namespace: &str) -> Result<(), Fault> {
        let may = self.may_see(None).await.map_err(Fault::Refused)?
            || self.may_see(Some(namespace)).await.map_err(Fault::Refused)?;
        if may { Ok(()) } else { Err(Fault::NotFound) }
    }

    /// The Events of the SigningJob with this uid.
    pub(crate) async fn events(&self, namespace: &str, uid: Uuid) -> Option<Vec<Event>> {
        self.they.events(namespace, uid).await
    }
}

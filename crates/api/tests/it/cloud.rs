//! A cloud for a test: real store in a directory of its own, the simulated host, and clients with tokens.
//!
//! ```text
//! let cloud = TestCloud::start().await;
//! let admin = cloud.admin().await;
//! let answer = admin.post("/networking/v2.0/networks", json!({"network": {"name": "n"}})).await;
//! assert_eq!(answer.status, 201, "{answer:?}");
//! ```

// What one service's tests don't use, another's do.
#![allow(dead_code)]

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::{App, Endpoints, RouteRow};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use control::images::{self, ImageStore};
use control::password::{HashCost, Password};
use control::{Control, Options, auth};
use http_body_util::BodyExt;
use model::bootstrap::{self, identity::FirstPasswords};
use model::{Timestamp, Tx};
use node_sim::SimNode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

/// The password of every user that the harness makes.
pub const PASSWORD: &str = "pass-word";

/// Where clients reach the cloud, in every link.
pub const BASE_URL: &str = "http://127.0.0.1:5000";

/// The cloud's clock: the machine's, unless the test moves it.
#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Moves the cloud's time ahead of the machine's.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn now(&self) -> Timestamp {
        let ahead = jiff::SignedDuration::from_secs(self.0.load(Ordering::SeqCst));
        Timestamp::new(jiff::Timestamp::now() + ahead)
    }
}

/// A running cloud.
pub struct TestCloud {
    dir: TempDir,
    /// The cloud itself.
    pub control: Control,
    /// Its host.
    pub node: SimNode,
    /// Its clock.
    pub clock: TestClock,
    /// Every route.
    pub routes: Vec<RouteRow>,
    door: Door,
}

/// Where clients knock: the application that runs now.
type Door = Arc<Mutex<Router>>;

impl TestCloud {
    /// A new cloud as `maru up` leaves it, with cheap password hashes.
    pub async fn start() -> Self {
        Self::start_with(HashCost::for_tests()).await
    }

    /// A new cloud with a hash cost of its own.
    pub async fn start_with(hash_cost: HashCost) -> Self {
        Self::start_with_auth(auth::Settings {
            hash_cost,
            ..auth::Settings::default()
        })
        .await
    }

    /// A new cloud with rules about passwords.
    pub async fn start_compliant(compliance: auth::Compliance) -> Self {
        Self::start_with_auth(auth::Settings {
            hash_cost: HashCost::for_tests(),
            compliance,
            ..auth::Settings::default()
        })
        .await
    }

    async fn start_with_auth(auth: auth::Settings) -> Self {
        let dir = TempDir::new().unwrap();
        let cloud = Self::open(dir, TestClock::default(), Door::default(), auth).await;
        cloud.set_up().await;
        cloud
    }

    /// The application, for who calls it without a client of ours.
    pub fn router(&self) -> Router {
        self.door.lock().unwrap().clone()
    }

    /// Stops the cloud and starts it again on the same directory, with a host that has lost everything. Clients that are
    /// about reach the new one.
    pub async fn restart(self) -> Self {
        let Self {
            dir,
            control,
            node,
            clock,
            routes,
            door,
        } = self;
        *door.lock().unwrap() = Router::new();
        drop((control, node, routes));
        let auth = auth::Settings {
            hash_cost: HashCost::for_tests(),
            ..auth::Settings::default()
        };
        Self::open(dir, clock, door, auth).await
    }

    async fn open(dir: TempDir, clock: TestClock, door: Door, auth: auth::Settings) -> Self {
        let node = SimNode::new(node_sim::plausible_facts("host-1"));
        let now = clock.clone();
        let control = Control::start(Options {
            store: open_store(&dir).await,
            clock: Arc::new(move || now.now()),
            host: "host-1".into(),
            plan: model::plan::Settings {
                image_dir: dir.path().join("images"),
                volume_dir: dir.path().join("volumes"),
                ..model::plan::Settings::default()
            },
            auth,
            console: Arc::new(node.clone()),
        })
        .unwrap();
        let link = control.host_link();
        node.run(link.config, link.report);
        control.set_diagnostics(Arc::new(node.clone()));
        control.set_meters(Arc::new(node.clone()));
        control.set_inspector(Arc::new(node.clone()));
        control.set_prober(Arc::new(node.clone()));
        let images = images::Settings {
            reserve_bytes: 0,
            web: images::WebSettings {
                ports: (1..=u16::MAX).collect(),
                networks: vec!["127.0.0.1/32".parse().unwrap()],
            },
            ..images::Settings::new(dir.path().join("images"))
        };
        let images = ImageStore::open(control.clone(), images).await.unwrap();
        let (router, routes) = api::router(App {
            control: control.clone(),
            endpoints: Endpoints {
                public_url: BASE_URL.to_owned(),
                follow_host_header: false,
                region: "RegionOne".to_owned(),
            },
            images,
            consoles: Arc::new(api::Consoles::new(dir.path().join("novnc"))),
        });
        *door.lock().unwrap() = router;
        Self {
            dir,
            control,
            node,
            clock,
            routes,
            door,
        }
    }

    /// What `maru up` does at its first start.
    async fn set_up(&self) {
        let hash = self.hash(PASSWORD).await;
        self.run(move |tx| {
            let passwords = FirstPasswords {
                admin_hash: hash.clone(),
                demo_hash: hash,
            };
            bootstrap::identity(tx, passwords)?;
            bootstrap::volumes(tx)?;
            bootstrap::security_groups(tx)?;
            bootstrap::flavors(tx)
        })
        .await;
    }

    /// Answers on a socket, too, for what needs a connection of its own. Gives its address.
    pub async fn listen(&self) -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.door.lock().unwrap().clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// The state directory.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Runs a rule that must succeed.
    pub async fn run<T, F>(&self, rule: F) -> T
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> model::Result<T> + Send + 'static,
    {
        self.control.transact(rule).await.unwrap()
    }

    /// Hashes a password at the cloud's cost.
    pub async fn hash(&self, password: &str) -> String {
        self.control
            .hash_password(Password::new(password.to_owned()))
            .await
            .unwrap()
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client {
            door: self.door.clone(),
            headers: HeaderMap::new(),
            token: String::new(),
            project_id: String::new(),
            user_id: String::new(),
        }
    }

    /// The administrator, in project `admin`.
    pub async fn admin(&self) -> Client {
        self.user("admin", "admin").await
    }

    /// The user `demo`, a member of project `demo`.
    pub async fn demo(&self) -> Client {
        self.user("demo", "demo").await
    }

    /// A client scoped to the whole cloud: the administrator's.
    pub async fn system_admin(&self) -> Client {
        self.anonymous().log_in("admin", json!({"system": {"all": true}})).await
    }

    /// A user of the domain `Default` in one of its projects.
    pub async fn user(&self, user: &str, project: &str) -> Client {
        let scope = json!({"project": {"name": project, "domain": {"id": "default"}}});
        self.anonymous().log_in(user, scope).await
    }

    /// A new project with a new user of the same name, who is a member of it.
    pub async fn project(&self, name: &str) -> Client {
        self.project_with_role(name, "member").await
    }

    /// A new project with a new user of the same name, who holds one role in it.
    pub async fn project_with_role(&self, name: &str, role: &str) -> Client {
        let hash = self.hash(PASSWORD).await;
        let (owned_name, role) = (name.to_owned(), role.to_owned());
        self.run(move |tx| make_project(tx, &owned_name, &role, hash)).await;
        self.user(name, name).await
    }
}

fn make_project(tx: &mut Tx<'_>, name: &str, role: &str, password_hash: String) -> model::Result<()> {
    use model::identity::{Assignment, AssignmentTarget, Holder, Project, User};
    let (project_id, user_id, now) = (tx.new_id::<model::ProjectId>(), tx.new_id::<model::UserId>(), tx.now());
    let role_id = tx
        .cloud()
        .lookups
        .roles_by_name
        .first(&(None, role.to_owned()))
        .cloned();
    tx.put(Project {
        id: project_id.clone(),
        name: name.to_owned(),
        domain_id: "default".into(),
        parent_id: None,
        description: String::new(),
        enabled: true,
        tags: Default::default(),
        extra: Default::default(),
    });
    tx.put(User {
        id: user_id.clone(),
        name: name.to_owned(),
        domain_id: "default".into(),
        description: None,
        email: None,
        default_project_id: None,
        enabled: true,
        password_hash: Some(password_hash),
        password_created_at: Some(now),
        password_history: Vec::new(),
        failed_logins: 0,
        last_failed_login: None,
        options: Default::default(),
        extra: Default::default(),
    });
    tx.put(Assignment {
        holder: Holder::User(user_id),
        target: AssignmentTarget::Project(project_id),
        role_id: role_id.expect("one of the first roles"),
        inherited: false,
    });
    Ok(())
}

/// Opens the store; after a restart its lock is freed once the old cloud's threads have ended.
async fn open_store(dir: &TempDir) -> store::Store {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match store::Store::open(dir.path()) {
            Ok(store) => return store,
            Err(error) if Instant::now() > deadline => panic!("the store does not open: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Client {
    door: Door,
    /// Sent with each request.
    pub headers: HeaderMap,
    /// The token; empty: none is sent.
    pub token: String,
    /// The project it is scoped to.
    pub project_id: String,
    /// The user.
    pub user_id: String,
}

impl Client {
    /// The same client with one more header.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers
            .insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// The same client with a token.
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = token.to_owned();
        self
    }

    /// Signs in by the harness's password.
    pub async fn log_in(&self, user: &str, scope: Value) -> Self {
        let user = json!({"name": user, "domain": {"id": "default"}, "password": PASSWORD});
        let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}});
        let answer = self.clone().with_token("").post("/identity/v3/auth/tokens", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            token: answer.headers["x-subject-token"].to_str().unwrap().to_owned(),
            project_id: text(&answer.json["token"]["project"]["id"]),
            user_id: text(&answer.json["token"]["user"]["id"]),
            ..self.clone()
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    /// HEAD.
    pub async fn head(&self, path: &str) -> Answer {
        self.send(Method::HEAD, path, Body::empty()).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send_json(Method::POST, path, body).await
    }

    /// PUT; `Value::Null` sends no body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send_json(Method::PUT, path, body).await
    }

    /// PATCH.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send_json(Method::PATCH, path, body).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Body::empty()).await
    }

    /// Any method with a JSON body; `Value::Null` sends none.
    pub async fn send_json(&self, method: Method, path: &str, body: Value) -> Answer {
        if body.is_null() {
            return self.send(method, path, Body::empty()).await;
        }
        let mut client = self.clone();
        if !client.headers.contains_key("content-type") {
            client = client.with("content-type", "application/json");
        }
        client.send(method, path, Body::from(body.to_string())).await
    }

    /// Any method with any body.
    pub async fn send(&self, method: Method, path: &str, body: Body) -> Answer {
        let mut request = Request::builder().method(&method).uri(path).body(body).unwrap();
        *request.headers_mut() = self.headers.clone();
        if !self.token.is_empty() {
            let token = HeaderValue::from_str(&self.token).unwrap();
            request.headers_mut().insert("x-auth-token", token);
        }
        let router = self.door.lock().unwrap().clone();
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            request: format!("{method} {path}"),
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
            body: body.to_vec(),
        }
    }
}

/// What came back.
pub struct Answer {
    request: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, when it is JSON; else `null`.
    pub json: Value,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// Insists on a status and gives the document.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} -> {} {}",
            self.request,
            self.status,
            String::from_utf8_lossy(&self.body)
        )
    }
}

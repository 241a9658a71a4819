//! Settings: one table of keys, each with a default, an environment variable and a line of help. The command line wins
//! over the environment, the environment over the file, the file over the default.
//!
//! `maru config` prints the table as a commented file; that file, uncommented, means the same as no file at all.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::lang::Lang;

/// Read when there, unless `--config` or `MARU_CONFIG` names another.
pub const DEFAULT_FILE: &str = "/etc/maru/maru.toml";

/// A key as data.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name in the file; the option is the same with dashes.
    pub name: &'static str,
    /// Its default, as text.
    pub default: &'static str,
    /// What it is, in English and Korean.
    pub help: (&'static str, &'static str),
}

impl Key {
    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("MARU_{}", self.name.to_ascii_uppercase())
    }

    /// The long option without its dashes.
    pub fn option(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value is not what its key takes.
    #[error("{origin}: '{value}' is no good value for {key}: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
        /// Where.
        origin: Origin,
        /// Why not.
        reason: String,
    },
    /// The file can't be read.
    #[error("the configuration file '{}' can't be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file '{}' is not TOML", path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A key that there is not, or not with such a value.
    #[error("the configuration file '{}': '{key}' {reason}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An option.
    CommandLine,
    /// A variable.
    Environment(String),
    /// A file.
    File(PathBuf),
    /// The table below.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file '{}'", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

macro_rules! settings {
    ($($name:ident: $type:ty = $default:literal, $en:literal, $ko:literal;)*) => {
        /// Everything that can be set.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $(#[doc = $en] pub $name: $type,)*
        }

        /// The table.
        pub const KEYS: &[Key] = &[$(Key { name: stringify!($name), default: $default, help: ($en, $ko) },)*];

        impl Settings {
            fn from_texts(mut take: impl FnMut(&'static Key) -> (String, Origin)) -> Result<Self, SettingsError> {
                let mut keys = KEYS.iter();
                Ok(Self {
                    $($name: {
                        let key = keys.next().expect("as many keys as fields: one macro makes both");
                        let (value, origin) = take(key);
                        parse::<$type>(key, value, origin)?
                    },)*
                })
            }
        }
    };
}

settings! {
    state_dir: PathBuf = "/var/lib/maru",
        "Directory that holds everything the cloud keeps",
        "클라우드의 모든 데이터를 두는 디렉터리";
    listen: SocketAddr = "127.0.0.1:5000",
        "Address and port of the API",
        "API가 듣는 주소와 포트";
    public_url: Text = "",
        "URL by which clients reach the API; empty: made from the address it listens on",
        "클라이언트가 API에 접속하는 URL. 비우면 듣는 주소로 만듭니다";
    tls: TlsMode = "off",
        "'auto' speaks HTTPS with a certificate of the cloud's own making; 'off' HTTP, unless tls_cert is given",
        "'auto'는 클라우드가 만든 인증서로 HTTPS를, 'off'는 (tls_cert가 없으면) HTTP를 씁니다";
    tls_cert: Text = "",
        "File with the certificate to speak HTTPS with (PEM, followed by its issuers')",
        "HTTPS에 쓸 인증서 파일(PEM, 발급자 인증서를 이어 붙임)";
    tls_key: Text = "",
        "File with that certificate's key (PEM)",
        "그 인증서의 키 파일(PEM)";
    region: Text = "RegionOne",
        "Name of the region in the catalog",
        "카탈로그의 리전 이름";
    host_netns: Text = "",
        "Network namespace (made if missing) that is the host: br-ex and floating IPs live there; empty: this host itself",
        "호스트로 쓸 네트워크 네임스페이스(없으면 만듭니다). br-ex와 유동 IP가 그 안에 있습니다. 비우면 이 호스트 자체";
    node: NodeKind = "real",
        "'real' runs servers with QEMU on this kernel (needs root); 'sim' simulates a host: the whole API on any laptop",
        "'real'은 이 커널과 QEMU로 서버를 실행하고(root 필요), 'sim'은 호스트를 흉내 내어 API만 어디서나 실행합니다";
    acceleration: Acceleration = "auto",
        "What runs guests: 'auto' (KVM where a trial guest really runs on it), 'kvm', 'tcg'",
        "게스트 실행 방식: 'auto'(시험 게스트가 KVM에서 정말 실행되면 KVM), 'kvm', 'tcg'";
    image: Text = "",
        "Disk image that a new cloud gets as public image 'tiny'; empty: the installed one, if there is one",
        "새 클라우드에 공개 이미지 'tiny'로 등록할 디스크 이미지. 비우면 설치된 것(있을 때)";
    dns: DnsServers = "auto",
        "Resolvers for names outside the cloud, separated by commas; 'auto': this host's, and none with host_netns; 'none'",
        "클라우드 밖의 이름을 찾을 DNS 서버(쉼표로 구분). 'auto': 이 호스트의 것, host_netns를 쓰면 없음. 'none': 없음";
    provider_cidr: Ipv4Net = "172.24.4.0/24",
        "IPv4 range of the external network 'public'; used when the cloud is new",
        "외부 네트워크 'public'의 IPv4 범위. 새 클라우드에만 쓰입니다";
    provider_gateway: std::net::Ipv4Addr = "172.24.4.1",
        "The host's own address in that range, on br-ex; used when the cloud is new",
        "그 범위 안의 호스트 주소(br-ex). 새 클라우드에만 쓰입니다";
    provider_cidr6: Maybe<Ipv6Net> = "2001:db8::/64",
        "IPv6 range of 'public', or 'none'; used when the cloud is new",
        "'public'의 IPv6 범위 또는 'none'. 새 클라우드에만 쓰입니다";
    provider_gateway6: Maybe<std::net::Ipv6Addr> = "2001:db8::2",
        "The host's own address in that range, or 'none'; used when the cloud is new",
        "그 범위 안의 호스트 주소 또는 'none'. 새 클라우드에만 쓰입니다";
    provider_mtu: u32 = "1500",
        "Largest packet on br-ex, bytes",
        "br-ex의 가장 큰 패킷, 바이트";
    max_image_size: Bytes = "1TiB",
        "Largest image that can be uploaded",
        "올릴 수 있는 가장 큰 이미지";
    image_reserve: Bytes = "256MiB",
        "Free disk space that uploads must leave",
        "이미지를 올려도 남겨 둘 디스크 공간";
    web_download_ports: List<u16> = "80,443",
        "Ports of web servers that users may import images from, separated by commas; 'none': no such imports",
        "사용자가 이미지를 가져올 수 있는 웹 서버의 포트(쉼표로 구분). 'none': 가져오기 끔";
    web_download_networks: List<IpNet> = "none",
        "Networks that users may import images from though they are private or the cloud's own, separated by commas",
        "사설망이거나 클라우드 자신의 것이어도 이미지를 가져올 수 있는 네트워크(쉼표로 구분)";
    network_quotas: List<NetworkQuota> = "none",
        "Neutron's quotas of projects without their own, in place of the built-in ones: 'router=20,port=-1' (-1: no limit)",
        "자기 할당량이 없는 프로젝트의 네트워크 할당량(기본값 대신): 'router=20,port=-1'. -1: 제한 없음";
    token_seconds: i64 = "3600",
        "How long a token lives, seconds",
        "토큰의 수명, 초";
    lockout_failure_attempts: u32 = "0",
        "So many wrong passwords in a row lock a user out; 0: never",
        "틀린 비밀번호가 연이어 이만큼이면 사용자를 잠급니다. 0: 잠그지 않음";
    lockout_duration: i64 = "1800",
        "How long a user stays locked out, seconds",
        "사용자를 잠가 두는 시간, 초";
    unique_last_password_count: usize = "0",
        "A new password must differ from so many last ones (users' own changes); 0: no such rule",
        "새 비밀번호는 최근 이만큼과 달라야 합니다(사용자 자신의 변경). 0: 규칙 없음";
    minimum_password_age: i64 = "0",
        "Days that must pass before users may change their own password again",
        "사용자가 자기 비밀번호를 다시 바꿀 수 있기까지의 날 수";
    password_expires_days: i64 = "0",
        "Days after which a password expires; 0: never",
        "비밀번호가 만료되는 날 수. 0: 만료되지 않음";
    novnc_dir: PathBuf = "/usr/share/novnc",
        "Directory with noVNC's pages, which show servers' screens in a browser",
        "브라우저에서 서버 화면을 보여 주는 noVNC 페이지의 디렉터리";
    log: Text = "info",
        "What goes to the log: error, warn, info, debug, trace, also by part: 'info,node=debug'",
        "로그에 남길 것: error, warn, info, debug, trace. 부분별로도: 'info,node=debug'";
    reach_webhook: Maybe<control::WebhookUrl> = "none",
        "URL (http or https) that is told of each transition of a watched path, by a POST of JSON; 'none': nobody is",
        "지켜보는 경로가 바뀔 때마다 JSON을 POST로 받을 URL(http, https). 'none'이면 보내지 않음";
    log_format: LogFormat = "text",
        "Form of the log: 'text' or 'json'",
        "로그 형식: 'text' 또는 'json'";
}

fn parse<T: FromStr<Err: fmt::Display>>(key: &'static Key, value: String, origin: Origin) -> Result<T, SettingsError> {
    value.parse().map_err(|error: T::Err| SettingsError::Value {
        key: key.name,
        value,
        origin,
        reason: error.to_string(),
    })
}

impl Settings {
    /// Reads all settings. `options` gives what stands on the command line, `variable` what in the environment; `defaults` are
    /// a command's own, in place of the table's.
    ///
    /// # Errors
    /// See [`SettingsError`]; each names the key and where its value came from.
    pub fn read(
        file: Option<&Path>,
        options: impl Fn(&str) -> Option<String>,
        variable: impl Fn(&str) -> Option<String>,
        defaults: &[(&str, &str)],
    ) -> Result<Self, SettingsError> {
        let from_file = match file {
            Some(path) => read_file(path)?,
            None if Path::new(DEFAULT_FILE).exists() => read_file(Path::new(DEFAULT_FILE))?,
            None => BTreeMap::new(),
        };
        let file = file.unwrap_or(Path::new(DEFAULT_FILE));
        Self::from_texts(|key| {
            let given = |value: String| (value, Origin::CommandLine);
            let set = |value: String| (value, Origin::Environment(key.variable()));
            options(key.name)
                .map(given)
                .or_else(|| variable(&key.variable()).filter(|value| !value.is_empty()).map(set))
                .or_else(|| {
                    let value = from_file.get(key.name)?;
                    Some((value.clone(), Origin::File(file.to_owned())))
                })
                .unwrap_or_else(|| {
                    let own = defaults.iter().find(|(name, _)| *name == key.name);
                    (own.map_or(key.default, |(_, value)| *value).to_owned(), Origin::Default)
                })
        })
    }

    /// The URL by which clients reach the API, without a slash at its end.
    pub fn url(&self) -> String {
        if self.public_url.0.is_empty() {
            let scheme = if self.has_tls() { "https" } else { "http" };
            format!("{scheme}://{}", self.listen)
        } else {
            self.public_url.0.trim_end_matches('/').to_owned()
        }
    }

    /// Whether the API speaks HTTPS.
    pub fn has_tls(&self) -> bool {
        self.tls == TlsMode::Auto || !self.tls_cert.0.is_empty()
    }

    /// The namespace that is the host, if it is not this host itself.
    pub fn host_netns(&self) -> Option<&str> {
        Some(self.host_netns.0.as_str()).filter(|name| !name.is_empty())
    }
}

/// Reads a file's keys as text, so that every origin is parsed by the same code.
fn read_file(path: &Path) -> Result<BTreeMap<String, String>, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let table: toml::Table = text.parse().map_err(|source| SettingsError::Syntax {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    table
        .into_iter()
        .map(|(key, value)| {
            let wrong = |key: String, reason| SettingsError::Key {
                path: path.to_owned(),
                key,
                reason,
            };
            if !KEYS.iter().any(|known| known.name == key) {
                return Err(wrong(key, "is not a key; 'maru config' prints those there are"));
            }
            match scalar(&value) {
                Some(text) => Ok((key, text)),
                None => Err(wrong(key, "takes a text, a number or a list of texts")),
            }
        })
        .collect()
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            let items: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            Some(items?.join(","))
        }
        _ => None,
    }
}

/// The whole table as a file in which every line is a comment.
pub fn commented_file(lang: Lang) -> String {
    let head = lang.pick(
        "# Maru's settings. Each line shows a default; remove its '#' to change it.\n\
         # An option of the command line wins over the environment, the environment over this file.\n",
        "# 마루의 설정. 각 줄은 기본값이며, 바꾸려면 '#'을 지우고 고칩니다.\n\
         # 명령줄 옵션이 환경 변수보다, 환경 변수가 이 파일보다 먼저입니다.\n",
    );
    KEYS.iter().fold(head.to_owned(), |text, key| {
        let help = lang.pick(key.help.0, key.help.1);
        let value = match key.default.parse::<i64>() {
            Ok(number) => number.to_string(),
            Err(_) => format!("\"{}\"", key.default),
        };
        format!("{text}\n# {help}\n# ({})\n#{} = {value}\n", key.variable(), key.name)
    })
}

/// Any text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(pub String);

impl FromStr for Text {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

/// A value or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maybe<T>(pub Option<T>);

impl<T: FromStr> FromStr for Maybe<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.is_empty() || text == "none" {
            return Ok(Self(None));
        }
        text.parse().map(|value| Self(Some(value)))
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("it must be one of {}", [$($word),*].join(", "))),
                }
            }
        }
    };
}

words! {
    /// Which host the servers run on.
    NodeKind {
        /// This machine's kernel and QEMU.
        Real = "real",
        /// A simulated one.
        Sim = "sim",
    }
}

words! {
    /// Where the certificate comes from.
    TlsMode {
        /// From the user's files, or there is none.
        Off = "off",
        /// From the cloud itself.
        Auto = "auto",
    }
}

words! {
    /// What runs guests.
    Acceleration {
        /// By trial.
        Auto = "auto",
        /// KVM or nothing.
        Kvm = "kvm",
        /// Translation.
        Tcg = "tcg",
    }
}

words! {
    /// Form of the log.
    LogFormat {
        /// For people.
        Text = "text",
        /// For programs.
        Json = "json",
    }
}

/// A number of bytes, written `10GiB`, `500MB`, `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let factor: u64 = match unit.trim() {
            "" | "B" => 1,
            "kB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err("write it as 500MB, 10GiB or a number of bytes".to_owned()),
        };
        let number: u64 = number
            .parse()
            .map_err(|_| "it does not begin with a number".to_owned())?;
        number
            .checked_mul(factor)
            .map(Self)
            .ok_or_else(|| "it is too large".to_owned())
    }
}

/// Where names outside the cloud are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsServers {
    /// This host's, unless the cloud's host is a namespace.
    Auto,
    /// These.
    These(Vec<IpAddr>),
}

impl FromStr for DnsServers {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" | "" => Ok(Self::These(Vec::new())),
            _ => {
                let addresses = text.split(',').map(|part| part.trim().parse::<IpAddr>());
                addresses
                    .collect::<Result<_, _>>()
                    .map(Self::These)
                    .map_err(|_| "write 'auto', 'none', or addresses separated by commas".to_owned())
            }
        }
    }
}

/// Values separated by commas; `none`: none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        let values = text.split(',').map(|part| part.trim().parse());
        let values: Result<_, T::Err> = values.collect();
        values
            .map(Self)
            .map_err(|_| "write 'none', or values separated by commas".to_owned())
    }
}

/// The limit of one of Neutron's resources, such as `router=20`; -1: none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkQuota {
    /// One of [`model::network::quota::RESOURCES`].
    pub resource: &'static str,
    /// How many a project may have.
    pub limit: i64,
}

impl FromStr for NetworkQuota {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, limit) = text.split_once('=').ok_or("write it as in 'router=20'")?;
        let mut known = model::network::quota::RESOURCES.iter();
        let resource = known.find(|known| **known == name.trim()).ok_or("unknown resource")?;
        match limit.trim().parse() {
            Ok(limit) if limit >= -1 => Ok(Self { resource, limit }),
            _ => Err("the limit is a number; -1: none".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn lists_are_read_whole_or_not_at_all() {
        assert_eq!("80, 8080".parse(), Ok(List(vec![80_u16, 8080])));
        assert_eq!("none".parse(), Ok(List::<u16>(Vec::new())));
        assert_eq!(
            "10.0.0.0/8".parse(),
            Ok(List::<IpNet>(vec!["10.0.0.0/8".parse().unwrap()]))
        );
        for text in ["", "80,", "80,x", "99999"] {
            assert!(text.parse::<List<u16>>().is_err(), "{text}");
        }
        let routers = NetworkQuota {
            resource: "router",
            limit: -1,
        };
        assert_eq!("router = -1".parse(), Ok(List(vec![routers])));
        for text in ["router", "router=", "router=-2", "cores=5", "router=1,"] {
            assert!(text.parse::<List<NetworkQuota>>().is_err(), "{text}");
        }
    }

    fn defaults() -> Settings {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.toml");
        std::fs::write(&empty, "").unwrap();
        Settings::read(Some(&empty), nothing, nothing, &[]).unwrap()
    }

    #[test]
    fn the_commented_file_means_what_no_file_means() {
        let dir = tempfile::tempdir().unwrap();
        for lang in [Lang::En, Lang::Ko] {
            let commented = commented_file(lang);
            let path = dir.path().join("maru.toml");
            let uncommented: String = commented
                .lines()
                .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')))
                .map(|line| format!("{line}\n"))
                .collect();
            assert_eq!(uncommented.lines().count(), KEYS.len());
            for text in [&commented, &uncommented] {
                std::fs::write(&path, text).unwrap();
                assert_eq!(Settings::read(Some(&path), nothing, nothing, &[]).unwrap(), defaults());
            }
        }
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("maru.toml");
        std::fs::write(
            &path,
            "listen = \"127.0.0.1:1\"\nregion = \"file\"\nnode = \"sim\"\ndns = [\"192.0.2.1\", \"192.0.2.2\"]",
        )
        .unwrap();
        let options = |name: &str| (name == "listen").then(|| "127.0.0.1:3".to_owned());
        let variable = |name: &str| match name {
            "MARU_LISTEN" => Some("127.0.0.1:2".to_owned()),
            "MARU_REGION" => Some("environment".to_owned()),
            "MARU_NODE" => Some(String::new()),
            _ => None,
        };
        let settings = Settings::read(Some(&path), options, variable, &[]).unwrap();
        assert_eq!(settings.listen.port(), 3);
        assert_eq!(settings.region.0, "environment");
        assert_eq!(settings.node, NodeKind::Sim, "an empty variable is none");
        assert_eq!(settings.dns, "192.0.2.1,192.0.2.2".parse().unwrap());
        assert_eq!(settings.url(), "http://127.0.0.1:3");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("maru.toml");
        for (text, words) in [
            ("lissten = 1", "'lissten' is not a key"),
            ("listen = \"here\"", "no good value for listen"),
            ("node = \"both\"", "one of real, sim"),
            ("listen = { a = 1 }", "takes a text"),
            ("max_image_size = \"10 apples\"", "write it as"),
            ("listen = ", "not TOML"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Settings::read(Some(&path), nothing, nothing, &[]).unwrap_err();
            assert!(error.to_string().contains(words), "{text}: {error}");
            assert!(error.to_string().contains("maru.toml"), "{error}");
        }
        let missing = dir.path().join("none.toml");
        assert!(matches!(
            Settings::read(Some(&missing), nothing, nothing, &[]),
            Err(SettingsError::Read { .. })
        ));
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("10", 10),
            ("2KiB", 2048),
            ("3 MB", 3_000_000),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)));
        }
        for text in ["", "MB", "1.5GiB", "-1", "99999999999TiB", "1 KB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }
}

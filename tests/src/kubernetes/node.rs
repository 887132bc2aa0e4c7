//! The cluster of one node that all tests of a binary share.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;
use tokio::sync::OnceCell;

use super::command::{self, Failed};
use super::readme;
use crate::network;
use crate::programs;
use crate::rig::{Rig, blocking};
use crate::scratch::Scratch;

/// The name of the cluster that tests start.
const NAME: &str = "tests";
/// The rig's programs wait for brokers that start one after the other, and give up by themselves.
const RIG_LIMIT: Duration = Duration::from_mins(8);
/// Where the README installs the operator.
pub(super) const README_NAMESPACE: &str = "kafka";

/// What the rig's scripts are told.
type Environment = Vec<(&'static str, String)>;

/// A running cluster.
#[derive(Debug)]
pub struct Kubernetes {
    script: PathBuf,
    environment: Environment,
    values: PathBuf,
    images: Vec<PathBuf>,
    folder: Scratch,
    // It ends with its input, which closes when this process ends.
    _supervisor: Option<Mutex<Child>>,
}

impl Kubernetes {
    /// The one for all tests of the binary, with Strimzi's definitions and the project's images, and with the operator as
    /// the README's first command installs it, definitions included.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Kubernetes> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let rig = Rig::ready().await;
        let script = PathBuf::from(rig.part("KUBERNETES_CLUSTER"));
        let (supervisor, environment, folder) = blocking({
            let script = script.clone();
            move || supervise(&script)
        })
        .await;
        let values = folder.join("values.yaml");
        let images = Vec::new();
        let mut cluster = Self { script, environment, values, images, folder, _supervisor: supervisor };
        let mut entrance = cluster.entrance();
        entrance.push("exec".to_owned());
        network::enter(&entrance);
        let images = tokio::join!(cluster.pack_present(), cluster.install_strimzi()).0;
        cluster.load(&images).await;
        cluster.values = cluster.write_values(&images);
        cluster.images = images.into_iter().map(|(_, file)| file.into()).collect();
        cluster.install_operator().await;
        cluster
    }

    /// Where the cluster's test may put files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The chart's values that name the images packed for this run.
    pub fn values(&self) -> &Path {
        &self.values
    }

    /// Runs a command in the cluster's network, where names of Services are found.
    pub async fn exec(&self, words: &[&str], input: Option<&str>) -> Result<String, Failed> {
        let mut command = self.script("exec");
        command.args(words);
        command::run(command, input).await
    }

    /// The same for callers that cannot wait in an orderly way.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.script);
        command.arg("exec").args(words).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `kubectl` with these words.
    pub async fn kubectl(&self, words: &[&str]) -> Result<String, Failed> {
        let words: Vec<_> = std::iter::once("kubectl").chain(words.iter().copied()).collect();
        self.exec(&words, None).await
    }

    /// Runs one of the rig's programs, which finds its way into the cluster by itself.
    pub async fn rig(&self, part: &str, words: &[&str]) -> Result<String, Failed> {
        let mut command = tokio::process::Command::new(Rig::ready().await.part(part));
        command.args(words).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command::run_within(RIG_LIMIT, command, None).await
    }

    /// Gives an image of this run another tag as well, and returns its name by that.
    pub async fn under_tag(&self, program: &str, tag: &str) -> String {
        let text = std::fs::read_to_string(&self.values).expect("the file is our own");
        let values: serde_json::Value = serde_json::from_str(&text).expect("the file is our own");
        let image = if program.ends_with("proxy") { &values["proxy"]["image"] } else { &values["image"] };
        let part = |name: &str| image[name].as_str().expect("the file is our own").to_owned();
        let name = format!("{}/{program}", part("registry"));
        let (from, to) = (format!("{name}:{}", part("tag")), format!("{name}:{tag}"));
        let words = ["ctr", "--namespace", "k8s.io", "images", "tag", "--force", &from, &to];
        self.on_node(&words).await.unwrap_or_else(|failed| panic!("{failed}"));
        to
    }

    /// Packs the proxy of the previous version, and returns the name of its image.
    pub async fn previous_proxy(&self) -> String {
        let program = blocking(programs::previous_proxy).await;
        let folder = self.folder.join("previous");
        std::fs::create_dir_all(&folder).expect("the folder is our own");
        // The rig packs a program by the name that it has in its image.
        let copy = folder.join("topic-encryption-proxy");
        std::fs::copy(&program, &copy).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut images = self.pack(&[copy]).await;
        self.load(&images).await;
        images.remove(0).0
    }

    /// One more node, on which only pods run that tolerate the taint `rig.test/second`; its name.
    pub async fn second_node(&self) -> String {
        let files: Vec<_> =
            self.images.iter().map(|file| file.to_str().expect("the path is our own")).collect();
        let words = [&["up"], files.as_slice()].concat();
        let name =
            self.rig("KUBERNETES_SECOND_NODE", &words).await.unwrap_or_else(|failed| panic!("{failed}"));
        name.trim().to_owned()
    }

    /// Runs a command in all of the node's namespaces.
    pub async fn on_node(&self, words: &[&str]) -> Result<String, Failed> {
        let mut command = self.script("shell");
        command.args(words);
        command::run(command, None).await
    }

    fn script(&self, verb: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.script);
        command.arg(verb).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The words that start a program in the cluster's network.
    fn entrance(&self) -> Vec<String> {
        let settings = self.environment.iter().map(|(name, value)| format!("{name}={value}"));
        let script = self.script.to_str().expect("the path is our own").to_owned();
        std::iter::once("env".to_owned()).chain(settings).chain([script]).collect()
    }

    async fn install_strimzi(&self) {
        self.rig("STRIMZI_INSTALL", &[]).await.unwrap_or_else(|failed| panic!("{failed}"));
    }

    /// `NAME:TAG FILE` of the proxy and the operator.
    async fn pack_present(&self) -> Vec<(String, String)> {
        let programs = blocking(|| [programs::proxy(), programs::operator()]).await;
        // What is packed lies in a folder of its own: other tests may pack the same programs.
        let copies = programs.map(|program| {
            let copy = self.folder.join(program.file_name().expect("a program has a name"));
            std::fs::copy(&program, &copy).unwrap_or_else(|error| panic!("{}: {error}", program.display()));
            copy
        });
        self.pack(&copies).await
    }

    /// The same of these programs.
    async fn pack(&self, programs: &[PathBuf]) -> Vec<(String, String)> {
        let programs: Vec<&str> =
            programs.iter().map(|program| program.to_str().expect("the path is our own")).collect();
        let packed = self.rig("KUBERNETES_IMAGES", &programs).await;
        let packed = packed.unwrap_or_else(|failed| panic!("{failed}"));
        let mut images = Vec::new();
        for line in packed.lines() {
            let mut words = line.split_whitespace().map(str::to_owned);
            let (Some(image), Some(file)) = (words.next(), words.next()) else { panic!("{line}") };
            images.push((image, file));
        }
        images
    }

    /// The README's first command, with the images of this run.
    async fn install_operator(&self) {
        let run = async |words: &[&str]| {
            self.kubectl(words).await.unwrap_or_else(|failed| panic!("{failed}"));
        };
        run(&["delete", "namespace", README_NAMESPACE, "--ignore-not-found"]).await;
        run(&["create", "namespace", README_NAMESPACE]).await;
        let commands = readme::commands();
        let install = commands.first().expect("the README has commands");
        let more = format!("--wait --values {}", self.values.display());
        self.typed(install, &more).await.unwrap_or_else(|failed| panic!("{failed}"));
    }

    async fn load(&self, images: &[(String, String)]) {
        let mut command = self.script("load");
        command.args(images.iter().map(|(_, file)| file));
        command::run(command, None).await.unwrap_or_else(|failed| panic!("{failed}"));
    }

    fn write_values(&self, images: &[(String, String)]) -> PathBuf {
        let [proxy, operator] = images else { panic!("two images: {images:?}") };
        let image = |(image, _): &(String, String)| {
            let (name, tag) = image.split_once(':').expect("an image has a tag");
            json!({"registry": name.split('/').next(), "tag": tag})
        };
        let values = json!({
            "defaultImageRepository": "",
            "image": image(operator),
            "proxy": {"image": image(proxy)},
        });
        let path = self.folder.join("values.yaml");
        std::fs::write(&path, values.to_string()).expect("the folder is our own");
        path
    }
}

/// Starts a cluster unless the environment names one, and tells how to reach it.
fn supervise(script: &Path) -> (Option<Mutex<Child>>, Environment, Scratch) {
    let folder = Scratch::new("kubernetes");
    let given = |name| std::env::var(name).is_ok_and(|value| !value.is_empty());
    if given("KUBE_STATE") || given("TEST_KUBECONFIG") {
        return (None, Vec::new(), folder);
    }
    // Beside the folder, not in it: the rig removes it when it ends the cluster, for which it needs what is in there.
    let state = folder.path().with_extension("node");
    let state = state.to_str().expect("the path is our own").to_owned();
    let environment = vec![("KUBE_NAME", NAME.to_owned()), ("KUBE_STATE", state)];
    let log = std::fs::File::create(folder.join("cluster.log")).expect("the folder is our own");
    let mut command = Command::new(script);
    command.arg("run").envs(environment.iter().map(|(name, value)| (name, value)));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
    output.read_line(&mut line).expect("a pipe of our own can be read");
    if line != "ready\n" {
        let said = std::fs::read_to_string(folder.join("cluster.log")).unwrap_or_default();
        panic!("Kubernetes did not start:\n{said}");
    }
    (Some(Mutex::new(child)), environment, folder)
}

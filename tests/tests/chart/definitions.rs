//! The resource definitions: those of the chart are those that the code generates.

use serde_json::{Value, json};

use crate::files::{assert_generated, assert_only, chart, list, read, repository};
use crate::helm;
use crate::object::{at, name, of_kind, parse_one};

#[test]
fn generated_definitions_are_those_of_the_code() {
    let (from, to) = (repository("crds"), chart("files/crds"));
    let names = list(&from);
    assert!(!names.is_empty());
    for name in &names {
        assert_generated(&to.join(name), &read(&from.join(name)));
    }
    assert_only(&to, &names);
}

#[test]
fn definitions_are_rendered_as_they_are_with_labels_and_annotations_added() {
    let objects = helm::objects(&["--set", "crds.labels.a=b,crds.annotations.c=d"]);
    let mut rendered: Vec<Value> =
        of_kind(&objects, "CustomResourceDefinition").into_iter().cloned().collect();
    for definition in &mut rendered {
        assert_eq!(
            at(definition, "metadata/annotations"),
            &json!({"helm.sh/resource-policy": "keep", "c": "d"})
        );
        assert_eq!(at(definition, "metadata/labels/a"), "b");
        let metadata = definition["metadata"].as_object_mut().unwrap();
        metadata.remove("labels");
        metadata.remove("annotations");
    }
    rendered.sort_by(|one, other| name(one).cmp(name(other)));
    let folder = repository("crds");
    let mut generated: Vec<Value> =
        list(&folder).iter().map(|file| parse_one(&read(&folder.join(file)))).collect();
    generated.sort_by(|one, other| name(one).cmp(name(other)));
    assert_eq!(rendered, generated);
}

#[test]
fn definitions_may_go_with_the_release_or_come_from_elsewhere() {
    let objects = helm::objects(&["--set", "crds.keep=false"]);
    let definitions = of_kind(&objects, "CustomResourceDefinition");
    assert_eq!(definitions.len(), 2);
    assert!(definitions.iter().all(|each| at(each, "metadata/annotations").is_null()));
    assert!(of_kind(&helm::objects(&["--set", "crds.enabled=false"]), "CustomResourceDefinition").is_empty());
}

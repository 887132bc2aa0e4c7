//! Whole renders, committed: a change of a template shows in review what becomes of it.

use crate::files::{assert_generated, assert_only, chart, list};
use crate::{helm, object};

/// The files of values, each with its render beside it.
pub(crate) fn cases() -> Vec<String> {
    let names = list(&chart("tests/golden"));
    names.iter().filter_map(|name| name.strip_suffix(".values.yaml")).map(str::to_owned).collect()
}

/// Everything that is rendered for a case, the resource definitions too.
pub(crate) fn objects(case: &str) -> Vec<serde_json::Value> {
    helm::objects_of(&chart("tests/golden").join(format!("{case}.values.yaml")))
}

/// Conformance: P17-42.
#[test]
fn generated_renders_are_as_committed() {
    let folder = chart("tests/golden");
    let mut files = Vec::new();
    for case in cases() {
        let values = folder.join(format!("{case}.values.yaml"));
        let arguments = ["--values", values.to_str().unwrap(), "--set", "crds.enabled=false"];
        let render = helm::template(&arguments).unwrap();
        assert_generated(&folder.join(format!("{case}.yaml")), &render);
        files.extend([format!("{case}.yaml"), format!("{case}.values.yaml")]);
    }
    assert!(files.len() >= 8, "{files:?}");
    assert_only(&folder, &files);
}

#[test]
fn rendered_objects_have_only_fields_that_kubernetes_knows() {
    for case in cases() {
        objects(&case).iter().for_each(object::assert_known_fields);
    }
}

#[test]
fn every_namespaced_object_says_its_namespace() {
    let cluster_wide = ["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"];
    for case in cases() {
        for object in objects(&case) {
            let namespaced = !cluster_wide.contains(&object::kind(&object));
            assert_eq!(namespaced, !object::namespace(&object).is_empty(), "{case}: {object}");
        }
    }
}

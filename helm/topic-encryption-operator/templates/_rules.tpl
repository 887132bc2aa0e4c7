{{/* Rights on our own resources, and on Strimzi's. */}}
{{- define "operator.rules.resources" -}}
- apiGroups: [encryption.strimzi.io]
  resources: [topicencryptionpolicies, encryptionproxies]
  verbs: [get, list, watch, patch]
- apiGroups: [encryption.strimzi.io]
  resources: [topicencryptionpolicies/status, encryptionproxies/status]
  verbs: [get, patch, update]
- apiGroups: [encryption.strimzi.io]
  resources: [topicencryptionpolicies/finalizers, encryptionproxies/finalizers]
  verbs: [update]
- apiGroups: [kafka.strimzi.io]
  resources: [kafkas, kafkanodepools, kafkatopics, kafkausers]
  verbs: [get, list, watch]
# Owners block their deletion where the API server demands this right for it.
- apiGroups: [kafka.strimzi.io]
  resources: [kafkas/finalizers]
  verbs: [update]
{{- end -}}

{{/* Rights to see what the operator makes, but for Secrets, and to tell of it on policies wherever they are. */}}
{{- define "operator.rules.seen" -}}
- apiGroups: [""]
  resources: [configmaps, services, serviceaccounts, pods]
  verbs: [get, list, watch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* Rights to make it, only where Kafka clusters are: who may create Deployments can have a pod read any Secret beside it. */}}
{{- define "operator.rules.owned" -}}
- apiGroups: [""]
  resources: [configmaps, services, serviceaccounts]
  verbs: [create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [create, patch, delete]
{{- if .Values.rbac.certManager }}
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
{{- end -}}

{{/* Rights on Secrets: never all of them at once, and none is ever deleted. */}}
{{- define "operator.rules.secrets" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
{{- end -}}

{{/* To choose policies by labels of their namespaces. */}}
{{- define "operator.rules.namespaces" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
{{- end -}}

{{/* The operator's account, as a subject. */}}
{{- define "operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "operator.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

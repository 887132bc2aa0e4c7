{{/* Rights on our own resources, and on Strimzi's. */}}
{{- define "operator.rules.resources" -}}
- apiGroups: [encryption.strimzi.io]
  resources: [topicencryptionpolicies, encryptionproxies]
  verbs: [list, watch]
- apiGroups: [encryption.strimzi.io]
  resources: [topicencryptionpolicies/status, encryptionproxies/status]
  verbs: [patch]
- apiGroups: [kafka.strimzi.io]
  resources: [kafkas]
  verbs: [get, list, watch]
- apiGroups: [kafka.strimzi.io]
  resources: [kafkanodepools, kafkatopics, kafkausers]
  verbs: [list, watch]
# Owners of fleets block their own deletion, where the API server demands this right for it.
- apiGroups: [encryption.strimzi.io]
  resources: [encryptionproxies/finalizers]
  verbs: [update]
- apiGroups: [kafka.strimzi.io]
  resources: [kafkas/finalizers]
  verbs: [update]
{{- end -}}

{{/* Rights to see what the operator makes, but for Secrets, and to tell of it on policies wherever they are. */}}
{{- define "operator.rules.seen" -}}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [services, serviceaccounts, pods]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, watch]
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
  verbs: [create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [create, patch, delete]
{{- if .Values.rbac.certManager }}
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, create, patch, delete]
{{- end }}
{{- if .Values.rbac.gatewayApi }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [tlsroutes]
  verbs: [list, create, patch, delete]
{{- end }}
{{- end -}}

{{/* Rights on Secrets: never all of them at once, none is ever deleted, and where their names are known only those. */}}
{{- define "operator.rules.secrets" -}}
{{- if .Values.rbac.kafkaNames -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    {{- range .Values.rbac.kafkaNames }}
    - {{ . }}-encryption-ca
    - {{ . }}-encryption-client
    - {{ . }}-encryption-keys
    - {{ . }}-encryption-tls
    {{- end }}
  verbs: [get, patch]
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    {{- range .Values.rbac.kafkaNames }}
    - {{ . }}-clients-ca-cert
    - {{ . }}-cluster-ca-cert
    {{- end }}
    {{- range .Values.rbac.secretNames }}
    - {{ . }}
    {{- end }}
  verbs: [get]
# A creation has no name yet that a rule could be bound to.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
{{- else -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
{{- end -}}
{{- end -}}

{{/* To choose policies by labels of their namespaces. */}}
{{- define "operator.rules.namespaces" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end -}}

{{/* The operator's account, as a subject. */}}
{{- define "operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "operator.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* Name of the release's objects. */}}
{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "operator.serviceAccount" -}}
{{- .Values.serviceAccount | default (include "operator.fullname" .) -}}
{{- end -}}

{{- define "operator.logConfigMap" -}}
{{- .Values.logConfigMap | default (include "operator.fullname" .) -}}
{{- end -}}

{{/* The name label is fixed: proxies' network policies know the operator by it. */}}
{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of pods: nothing that a new version of the chart alone would change, so that pods stay. */}}
{{- define "operator.podLabels" -}}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: topic-encryption
{{- end -}}

{{- define "operator.labels" -}}
{{ include "operator.podLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* A reference to an image: list of the root and the image's values. */}}
{{- define "operator.image" -}}
{{- $values := (index . 0).Values -}}
{{- $image := index . 1 -}}
{{- $parts := list ($image.registry | default $values.defaultImageRegistry) ($image.repository | default $values.defaultImageRepository) $image.name -}}
{{- $name := join "/" (compact $parts) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name ($image.tag | default $values.defaultImageTag | default (index . 0).Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The namespaces whose Secrets the operator may read and write: those where Kafka clusters are. */}}
{{- define "operator.kafkaNamespaces" -}}
{{- if .Values.watchAnyNamespace -}}
{{- .Values.kafkaNamespaces | uniq | toJson -}}
{{- else -}}
{{- .Values.watchNamespaces | default (list .Release.Namespace) | uniq | toJson -}}
{{- end -}}
{{- end -}}

{{/* Which namespaces a monitor of proxies looks into. */}}
{{- define "operator.namespaceSelector" -}}
{{- $namespaces := include "operator.kafkaNamespaces" . -}}
{{- if $namespaces | fromJsonArray -}}
matchNames: {{ $namespaces }}
{{- else -}}
any: true
{{- end -}}
{{- end -}}

{{/* A security context without fixed users where OpenShift assigns them. */}}
{{- define "operator.podSecurityContext" -}}
{{- $context := .Values.podSecurityContext -}}
{{- if .Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{/* A resource definition from files/crds, its text untouched but for labels and annotations: list of the root and the file. */}}
{{- define "operator.crd" -}}
{{- $root := index . 0 -}}
{{- $crds := $root.Values.crds -}}
{{- if $crds.enabled -}}
{{- $keep := ternary (dict "helm.sh/resource-policy" "keep") dict $crds.keep -}}
{{- $labels := merge (deepCopy $crds.labels) (include "operator.labels" $root | fromYaml) -}}
{{- $metadata := printf "\nmetadata:\n  labels:%s\n" (toYaml $labels | nindent 4) -}}
{{- with merge (deepCopy $crds.annotations) $keep -}}
{{- $metadata = printf "%s  annotations:%s\n" $metadata (toYaml . | nindent 4) -}}
{{- end -}}
{{- $text := $root.Files.Get (printf "files/crds/%s" (index . 1)) -}}
{{- if not $text -}}
{{- fail (printf "files/crds/%s is not in the chart: run make generate" (index . 1)) -}}
{{- end -}}
{{- $text | replace "\nmetadata:\n" $metadata -}}
{{- end -}}
{{- end -}}

{{/* Values that contradict each other. */}}
{{- define "operator.validate" -}}
{{- with .Values -}}
{{- if and .watchAnyNamespace .watchNamespaces -}}
{{- fail "watchNamespaces and watchAnyNamespace exclude each other: leave out one of the two" -}}
{{- end -}}
{{- if and .watchAnyNamespace .rbac.create (not .kafkaNamespaces) -}}
{{- fail "watchAnyNamespace needs kafkaNamespaces: the namespaces where Kafka clusters are. No cluster-wide right on Secrets is ever asked for" -}}
{{- end -}}
{{- if and .kafkaNamespaces (not .watchAnyNamespace) -}}
{{- fail "kafkaNamespaces counts with watchAnyNamespace only: without, the operator has its rights in watchNamespaces" -}}
{{- end -}}
{{- if and (gt (int .replicas) 1) (not .leaderElection.enable) -}}
{{- fail "more than one replica needs leaderElection.enable" -}}
{{- end -}}
{{- if and .podMonitor.enabled .serviceMonitor.enabled -}}
{{- fail "podMonitor and serviceMonitor would both ask the operator: enable one of the two" -}}
{{- end -}}
{{- if and .serviceMonitor.enabled (not .metricsService.enabled) -}}
{{- fail "serviceMonitor needs metricsService.enabled" -}}
{{- end -}}
{{- if and .podDisruptionBudget.enabled (not (kindIs "invalid" .podDisruptionBudget.minAvailable)) (ge (int .podDisruptionBudget.minAvailable) (int .replicas)) -}}
{{- fail "podDisruptionBudget.minAvailable is not below replicas: nodes could not be drained" -}}
{{- end -}}
{{- end -}}
{{- end -}}

// What `kubectl explain` says of the other groups. Notation: ./notation.ts.
export const OTHER_DESCRIPTIONS = `
apps.Deployment: Keeps a number of equal Pods running, and brings changes to them step by step.
  spec: Which Pods, how many, and how changes reach them.
  status: How far it is.
apps.DeploymentSpec: Which Pods, how many, and how changes reach them.
  replicas: How many Pods there are to be; default 1.
  selector: Labels of the Pods that are its own; cannot be changed.
  template: What its Pods are made from; a change of it is a new revision.
  strategy: How Pods of an old revision are replaced: RollingUpdate (default) or Recreate.
  minReadySeconds: How long a new Pod must be ready before it counts; default 0.
  revisionHistoryLimit: How many old revisions are kept for kubectl rollout undo; default 10.
  progressDeadlineSeconds: Without progress for so long, a rollout has failed; default 600.
  paused: true keeps changes of the template from being carried out.
apps.RollingUpdateDeployment: How many Pods may be too many or too few during a change.
  maxSurge: How many more than wanted, as a number or in percent; default 25%.
  maxUnavailable: How many fewer than wanted, as a number or in percent; default 25%.
apps.ReplicaSet: Keeps a number of equal Pods running: one revision of a Deployment.
apps.ReplicaSetSpec: Which Pods, and how many.
  replicas: How many Pods there are to be; default 1.
  selector: Labels of the Pods that are its own; cannot be changed.
  template: What its Pods are made from.
apps.StatefulSet: A number of Pods with names and volumes of their own. Kept here, not carried out.
apps.StatefulSetSpec: Which Pods, how many, in which order, and with which volumes.
  replicas: How many Pods there are to be; default 1.
  selector: Labels of the Pods that are its own; cannot be changed.
  template: What its Pods are made from.
  serviceName: The headless Service that gives its Pods their names.
  volumeClaimTemplates: What the claims of volumes of each Pod are made from.
  podManagementPolicy: One Pod after the other (OrderedReady, default), or all at once (Parallel).
  updateStrategy: How Pods of an old revision are replaced: RollingUpdate (default) or OnDelete.
apps.DaemonSet: One Pod on each node. Kept here, not carried out.
apps.DaemonSetSpec: Which Pods, and on which nodes.
  selector: Labels of the Pods that are its own; cannot be changed.
  template: What its Pods are made from; its nodeSelector says on which nodes.
  updateStrategy: How Pods of an old revision are replaced: RollingUpdate (default) or OnDelete.
batch.Job: Runs Pods until enough of them have succeeded. Kept here, not carried out.
batch.JobSpec: Which Pods, how many of them are to succeed, and when to give up.
  parallelism: How many Pods run at once; default 1.
  completions: How many Pods are to succeed; default 1 where parallelism is left out, too.
  backoffLimit: So many failures are borne; default 6.
  activeDeadlineSeconds: How long it may take.
  template: What its Pods are made from; restartPolicy OnFailure or Never.
  ttlSecondsAfterFinished: How long it stays after its end.
  suspend: true keeps it from running.
batch.CronJob: Makes a Job again and again, at given times. Kept here, not carried out.
batch.CronJobSpec: What to run, and when.
  schedule: When, as cron has it: minute, hour, day of the month, month, day of the week.
  timeZone: The time zone of the schedule, such as Europe/Berlin; default that of the controller.
  concurrencyPolicy: While the last one still runs: Allow (default), Forbid, or Replace it.
  suspend: true keeps new Jobs from being made.
  jobTemplate: What its Jobs are made from.
  successfulJobsHistoryLimit: How many Jobs that succeeded are kept; default 3.
  failedJobsHistoryLimit: How many Jobs that failed are kept; default 1.
discovery.EndpointSlice: Some of the addresses behind a Service.
  addressType: IPv4, IPv6 or FQDN; cannot be changed.
  endpoints: The addresses, each with its readiness and what it belongs to.
  ports: The ports of all of them.
discovery.Endpoint: One Pod or VM behind a Service.
  addresses: Its addresses; all lead to the same.
  conditions: Whether it is ready, serves, and is about to end.
  targetRef: The object that it is.
  nodeName: The node that it is on.
  zone: The zone that it is in.
coordination.Lease: Who leads, or when somebody was last heard of.
  spec: Who holds it, and until when.
rbac.Role: What may be done with which resources of its namespace.
  rules: The permissions; together they are what the role allows.
rbac.ClusterRole: What may be done with which resources, in all namespaces or in none.
  rules: The permissions; together they are what the role allows.
rbac.PolicyRule: One permission: verbs on resources.
  verbs: What may be done: get, list, watch, create, update, patch, delete, or * for all.
  apiGroups: The groups of the resources; the empty name is the core group.
  resources: The resources, such as pods or pods/log; * for all.
  resourceNames: Only objects of these names.
  nonResourceURLs: Paths that are no resources, such as /healthz.
rbac.RoleBinding: Gives a role to users, groups and service accounts, within its namespace.
  roleRef: The Role or ClusterRole; cannot be changed.
  subjects: Who gets it.
rbac.ClusterRoleBinding: Gives a ClusterRole to users, groups and service accounts, everywhere.
  roleRef: The ClusterRole; cannot be changed.
  subjects: Who gets it.
rbac.Subject: Somebody: a user, a group or a service account.
  kind: User, Group or ServiceAccount.
  name: Its name.
  namespace: The service account's namespace.
admission.MutatingWebhookConfiguration: Programs that may change objects before they are stored.
  webhooks: The programs, and what they are asked about.
admission.ValidatingWebhookConfiguration: Programs that may refuse objects before they are stored.
  webhooks: The programs, and what they are asked about.
crd.CustomResourceDefinition: Makes a kind of object known to this API server.
  spec: Its names, its versions, and what its objects look like.
  status: Whether the kind is served.
crd.CustomResourceDefinitionSpec: Names, versions and schemas of a kind.
  group: The API group that it belongs to.
  names: What it is called.
  scope: Namespaced or Cluster.
  versions: Its versions, each with a schema; one of them is stored.
authn.TokenReview: Asks whose token this is.
authn.SelfSubjectReview: Asks who the caller is.
authz.SubjectAccessReview: Asks whether somebody may do something.
authz.SelfSubjectAccessReview: Asks whether the caller may do something.
authz.SelfSubjectRulesReview: Asks what the caller may do in a namespace.
authz.LocalSubjectAccessReview: Asks whether somebody may do something in a namespace.
`;

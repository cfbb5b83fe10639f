// Fields of Kubernetes 1.34: apps, batch, discovery, coordination, events, policy, autoscaling.
// Notation: ./notation.ts. Source: the published API types and their protobuf numbers.
export const WORKLOAD_TYPES = `
apps.Deployment:
  metadata:meta.ObjectMeta=1 spec:DeploymentSpec=2 status:DeploymentStatus=3
apps.DeploymentSpec:
  replicas:int32?=1 selector:meta.LabelSelector=2! template:core.PodTemplateSpec=3!
  strategy:DeploymentStrategy=4~ minReadySeconds:int32=5 revisionHistoryLimit:int32?=6
  paused:bool=7 progressDeadlineSeconds:int32?=9
apps.DeploymentStrategy:
  type:string=1 rollingUpdate:RollingUpdateDeployment=2
apps.RollingUpdateDeployment:
  maxUnavailable:IntOrString=1 maxSurge:IntOrString=2
apps.DeploymentStatus:
  observedGeneration:int64=1 replicas:int32=2 updatedReplicas:int32=3 readyReplicas:int32=7
  availableReplicas:int32=4 unavailableReplicas:int32=5 terminatingReplicas:int32?=9
  conditions:[DeploymentCondition]=6^type#map(type) collisionCount:int32?=8
apps.DeploymentCondition:
  type:string=1! status:string=2! lastUpdateTime:Time=6 lastTransitionTime:Time=7 reason:string=4
  message:string=5
apps.ReplicaSet:
  metadata:meta.ObjectMeta=1 spec:ReplicaSetSpec=2 status:ReplicaSetStatus=3
apps.ReplicaSetSpec:
  replicas:int32?=1 minReadySeconds:int32=4 selector:meta.LabelSelector=2!
  template:core.PodTemplateSpec=3
apps.ReplicaSetStatus:
  replicas:int32=1! fullyLabeledReplicas:int32=2 readyReplicas:int32=4 availableReplicas:int32=5
  terminatingReplicas:int32?=7 observedGeneration:int64=3
  conditions:[ReplicaSetCondition]=6^type#map(type)
apps.ReplicaSetCondition:
  type:string=1! status:string=2! lastTransitionTime:Time=3 reason:string=4 message:string=5
apps.StatefulSet:
  metadata:meta.ObjectMeta=1 spec:StatefulSetSpec=2 status:StatefulSetStatus=3
apps.StatefulSetSpec:
  replicas:int32?=1 selector:meta.LabelSelector=2! template:core.PodTemplateSpec=3!
  volumeClaimTemplates:[core.PersistentVolumeClaim]=4#atomic serviceName:string=5!
  podManagementPolicy:string=6 updateStrategy:StatefulSetUpdateStrategy=7
  revisionHistoryLimit:int32?=8 minReadySeconds:int32=9
  persistentVolumeClaimRetentionPolicy:StatefulSetPersistentVolumeClaimRetentionPolicy=10
  ordinals:StatefulSetOrdinals=11
apps.StatefulSetUpdateStrategy:
  type:string=1 rollingUpdate:RollingUpdateStatefulSetStrategy=2
apps.RollingUpdateStatefulSetStrategy:
  partition:int32?=1 maxUnavailable:IntOrString=2
apps.StatefulSetPersistentVolumeClaimRetentionPolicy:
  whenDeleted:string=1 whenScaled:string=2
apps.StatefulSetOrdinals:
  start:int32=1!
apps.StatefulSetStatus:
  observedGeneration:int64=1 replicas:int32=2! readyReplicas:int32=3 currentReplicas:int32=4
  updatedReplicas:int32=5 currentRevision:string=6 updateRevision:string=7 collisionCount:int32?=9
  conditions:[StatefulSetCondition]=10^type#map(type) availableReplicas:int32=11!
apps.StatefulSetCondition:
  type:string=1! status:string=2! lastTransitionTime:Time=3 reason:string=4 message:string=5
apps.DaemonSet:
  metadata:meta.ObjectMeta=1 spec:DaemonSetSpec=2 status:DaemonSetStatus=3
apps.DaemonSetSpec:
  selector:meta.LabelSelector=1! template:core.PodTemplateSpec=2!
  updateStrategy:DaemonSetUpdateStrategy=3 minReadySeconds:int32=4 revisionHistoryLimit:int32?=6
apps.DaemonSetUpdateStrategy:
  type:string=1 rollingUpdate:RollingUpdateDaemonSet=2
apps.RollingUpdateDaemonSet:
  maxUnavailable:IntOrString=1 maxSurge:IntOrString=2
apps.DaemonSetStatus:
  currentNumberScheduled:int32=1! numberMisscheduled:int32=2! desiredNumberScheduled:int32=3!
  numberReady:int32=4! observedGeneration:int64=5 updatedNumberScheduled:int32=6
  numberAvailable:int32=7 numberUnavailable:int32=8 collisionCount:int32?=9
  conditions:[DaemonSetCondition]=10^type#map(type)
apps.DaemonSetCondition:
  type:string=1! status:string=2! lastTransitionTime:Time=3 reason:string=4 message:string=5
batch.Job:
  metadata:meta.ObjectMeta=1 spec:JobSpec=2 status:JobStatus=3
batch.JobSpec:
  parallelism:int32?=1 completions:int32?=2 activeDeadlineSeconds:int64?=3
  podFailurePolicy:PodFailurePolicy=11 successPolicy:SuccessPolicy=16 backoffLimit:int32?=7
  backoffLimitPerIndex:int32?=12 maxFailedIndexes:int32?=13 selector:meta.LabelSelector=4
  manualSelector:bool?=5 template:core.PodTemplateSpec=6! ttlSecondsAfterFinished:int32?=8
  completionMode:string?=9 suspend:bool?=10 podReplacementPolicy:string?=14 managedBy:string?=15
batch.PodFailurePolicy:
  rules:[PodFailurePolicyRule]=1#atomic!
batch.PodFailurePolicyRule:
  action:string=1! onExitCodes:PodFailurePolicyOnExitCodesRequirement=2
  onPodConditions:[PodFailurePolicyOnPodConditionsPattern]=3#atomic
batch.PodFailurePolicyOnExitCodesRequirement:
  containerName:string?=1 operator:string=2! values:[int32]=3#set!
batch.PodFailurePolicyOnPodConditionsPattern:
  type:string=1! status:string=2!
batch.SuccessPolicy:
  rules:[SuccessPolicyRule]=1#atomic!
batch.SuccessPolicyRule:
  succeededIndexes:string?=1 succeededCount:int32?=2
batch.JobStatus:
  conditions:[JobCondition]=1^type#atomic startTime:Time=2 completionTime:Time=3 active:int32=4
  succeeded:int32=5 failed:int32=6 terminating:int32?=11 completedIndexes:string=7
  failedIndexes:string?=10 uncountedTerminatedPods:UncountedTerminatedPods=8 ready:int32?=9
batch.JobCondition:
  type:string=1! status:string=2! lastProbeTime:Time=3 lastTransitionTime:Time=4 reason:string=5
  message:string=6
batch.UncountedTerminatedPods:
  succeeded:[string]=1#set failed:[string]=2#set
batch.CronJob:
  metadata:meta.ObjectMeta=1 spec:CronJobSpec=2 status:CronJobStatus=3
batch.CronJobSpec:
  schedule:string=1! timeZone:string?=8 startingDeadlineSeconds:int64?=2 concurrencyPolicy:string=3
  suspend:bool?=4 jobTemplate:JobTemplateSpec=5! successfulJobsHistoryLimit:int32?=6
  failedJobsHistoryLimit:int32?=7
batch.JobTemplateSpec:
  metadata:meta.ObjectMeta=1 spec:JobSpec=2
batch.CronJobStatus:
  active:[core.ObjectReference]=1#atomic lastScheduleTime:Time=4 lastSuccessfulTime:Time=5
discovery.EndpointSlice:
  metadata:meta.ObjectMeta=1 addressType:string=4! endpoints:[Endpoint]=2#atomic!
  ports:[EndpointPort]=3#atomic
discovery.Endpoint:
  addresses:[string]=1#set! conditions:EndpointConditions=2 hostname:string?=3
  targetRef:core.ObjectReference=4 deprecatedTopology:{string}=5 nodeName:string?=6 zone:string?=7
  hints:EndpointHints=8
discovery.EndpointConditions:
  ready:bool?=1 serving:bool?=2 terminating:bool?=3
discovery.EndpointHints:
  forZones:[ForZone]=1#atomic forNodes:[ForNode]=2#atomic
discovery.ForZone:
  name:string=1!
discovery.ForNode:
  name:string=1!
discovery.EndpointPort:
  name:string?=1 protocol:string?=2 port:int32?=3 appProtocol:string?=4
coordination.Lease:
  metadata:meta.ObjectMeta=1 spec:LeaseSpec=2
coordination.LeaseSpec:
  holderIdentity:string?=1 leaseDurationSeconds:int32?=2 acquireTime:MicroTime=3
  renewTime:MicroTime=4 leaseTransitions:int32?=5 strategy:string?=6 preferredHolder:string?=7
events.Event:
  metadata:meta.ObjectMeta=1 eventTime:MicroTime=2! series:EventSeries=3
  reportingController:string=4 reportingInstance:string=5 action:string=6 reason:string=7
  regarding:core.ObjectReference=8 related:core.ObjectReference=9 note:string=10 type:string=11
  deprecatedSource:core.EventSource=12 deprecatedFirstTimestamp:Time=13
  deprecatedLastTimestamp:Time=14 deprecatedCount:int32=15
events.EventSeries:
  count:int32=1! lastObservedTime:MicroTime=2!
policy.Eviction:
  metadata:meta.ObjectMeta=1 deleteOptions:meta.DeleteOptions=2
autoscaling.Scale:
  metadata:meta.ObjectMeta=1 spec:ScaleSpec=2 status:ScaleStatus=3
autoscaling.ScaleSpec:
  replicas:int32=1
autoscaling.ScaleStatus:
  replicas:int32=1! selector:string=2
`;

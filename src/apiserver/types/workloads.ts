// Fields of Kubernetes 1.34: apps, discovery, coordination, events, policy, autoscaling.
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

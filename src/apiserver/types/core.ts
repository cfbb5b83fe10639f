// Fields of Kubernetes 1.34: The other kinds of core/v1.
// Notation: ./notation.ts. Source: the published API types and their protobuf numbers.
export const CORE_TYPES = `
core.Service:
  metadata:meta.ObjectMeta=1 spec:ServiceSpec=2 status:ServiceStatus=3
core.ServiceSpec:
  ports:[ServicePort]=1^port#map(port,protocol) selector:{string}=2#atomic clusterIP:string=3
  clusterIPs:[string]=18#atomic type:string=4 externalIPs:[string]=5#atomic
  sessionAffinity:string=7 loadBalancerIP:string=8 loadBalancerSourceRanges:[string]=9#atomic
  externalName:string=10 externalTrafficPolicy:string=11 healthCheckNodePort:int32=12
  publishNotReadyAddresses:bool=13 sessionAffinityConfig:SessionAffinityConfig=14
  ipFamilies:[string]=19#atomic ipFamilyPolicy:string?=17 allocateLoadBalancerNodePorts:bool?=20
  loadBalancerClass:string?=21 internalTrafficPolicy:string?=22 trafficDistribution:string?=23
core.ServicePort:
  name:string=1 protocol:string=2 appProtocol:string?=6 port:int32=3! targetPort:IntOrString=4
  nodePort:int32=5
core.SessionAffinityConfig:
  clientIP:ClientIPConfig=1
core.ClientIPConfig:
  timeoutSeconds:int32?=1
core.ServiceStatus:
  loadBalancer:LoadBalancerStatus=1 conditions:[meta.Condition]=2^type#map(type)
core.LoadBalancerStatus:
  ingress:[LoadBalancerIngress]=1#atomic
core.LoadBalancerIngress:
  ip:string=1 hostname:string=2 ipMode:string?=3 ports:[PortStatus]=4#atomic
core.PortStatus:
  port:int32=1! protocol:string=2! error:string?=3
core.ReplicationController:
  metadata:meta.ObjectMeta=1 spec:ReplicationControllerSpec=2 status:ReplicationControllerStatus=3
core.ReplicationControllerSpec:
  replicas:int32?=1 minReadySeconds:int32=4 selector:{string}=2#atomic template:PodTemplateSpec=3
core.ReplicationControllerStatus:
  replicas:int32=1! fullyLabeledReplicas:int32=2 readyReplicas:int32=4 availableReplicas:int32=5
  observedGeneration:int64=3 conditions:[ReplicationControllerCondition]=6^type#map(type)
core.ReplicationControllerCondition:
  type:string=1! status:string=2! lastTransitionTime:Time=3 reason:string=4 message:string=5
core.Endpoints:
  metadata:meta.ObjectMeta=1 subsets:[EndpointSubset]=2#atomic
core.EndpointSubset:
  addresses:[EndpointAddress]=1#atomic notReadyAddresses:[EndpointAddress]=2#atomic
  ports:[EndpointPort]=3#atomic
core.EndpointAddress:
  ip:string=1! hostname:string=3 nodeName:string?=4 targetRef:ObjectReference=2
core.ObjectReference:
  kind:string=1 namespace:string=2 name:string=3 uid:string=4 apiVersion:string=5
  resourceVersion:string=6 fieldPath:string=7
core.EndpointPort:
  name:string=1 port:int32=2! protocol:string=3 appProtocol:string?=4
core.Node:
  metadata:meta.ObjectMeta=1 spec:NodeSpec=2 status:NodeStatus=3
core.NodeSpec:
  podCIDR:string=1 podCIDRs:[string]=7^#set providerID:string=3 unschedulable:bool=4
  taints:[Taint]=5#atomic configSource:NodeConfigSource=6 externalID:string=2
core.Taint:
  key:string=1! value:string=2 effect:string=3! timeAdded:Time=4
core.NodeConfigSource:
  configMap:ConfigMapNodeConfigSource=2
core.ConfigMapNodeConfigSource:
  namespace:string=1! name:string=2! uid:string=3 resourceVersion:string=4
  kubeletConfigKey:string=5!
core.NodeStatus:
  capacity:{Quantity}=1 allocatable:{Quantity}=2 phase:string=3
  conditions:[NodeCondition]=4^type#map(type) addresses:[NodeAddress]=5^type#map(type)
  daemonEndpoints:NodeDaemonEndpoints=6 nodeInfo:NodeSystemInfo=7 images:[ContainerImage]=8#atomic
  volumesInUse:[string]=9#atomic volumesAttached:[AttachedVolume]=10#atomic
  config:NodeConfigStatus=11 runtimeHandlers:[NodeRuntimeHandler]=12#atomic
  features:NodeFeatures=13
core.NodeCondition:
  type:string=1! status:string=2! lastHeartbeatTime:Time=3 lastTransitionTime:Time=4
  reason:string=5 message:string=6
core.NodeAddress:
  type:string=1! address:string=2!
core.NodeDaemonEndpoints:
  kubeletEndpoint:DaemonEndpoint=1
core.DaemonEndpoint:
  Port:int32=1!
core.NodeSystemInfo:
  machineID:string=1! systemUUID:string=2! bootID:string=3! kernelVersion:string=4!
  osImage:string=5! containerRuntimeVersion:string=6! kubeletVersion:string=7!
  kubeProxyVersion:string=8! operatingSystem:string=9! architecture:string=10!
  swap:NodeSwapStatus=11
core.NodeSwapStatus:
  capacity:int64?=1
core.ContainerImage:
  names:[string]=1#atomic sizeBytes:int64=2
core.AttachedVolume:
  name:string=1! devicePath:string=2!
core.NodeConfigStatus:
  assigned:NodeConfigSource=1 active:NodeConfigSource=2 lastKnownGood:NodeConfigSource=3
  error:string=4
core.NodeRuntimeHandler:
  name:string=1 features:NodeRuntimeHandlerFeatures=2
core.NodeRuntimeHandlerFeatures:
  recursiveReadOnlyMounts:bool?=1 userNamespaces:bool?=2
core.NodeFeatures:
  supplementalGroupsPolicy:bool?=1
core.Namespace:
  metadata:meta.ObjectMeta=1 spec:NamespaceSpec=2 status:NamespaceStatus=3
core.NamespaceSpec:
  finalizers:[string]=1#atomic
core.NamespaceStatus:
  phase:string=1 conditions:[NamespaceCondition]=2^type#map(type)
core.NamespaceCondition:
  type:string=1! status:string=2! lastTransitionTime:Time=4 reason:string=5 message:string=6
core.Event:
  metadata:meta.ObjectMeta=1! involvedObject:ObjectReference=2! reason:string=3 message:string=4
  source:EventSource=5 firstTimestamp:Time=6 lastTimestamp:Time=7 count:int32=8 type:string=9
  eventTime:MicroTime=10 series:EventSeries=11 action:string=12 related:ObjectReference=13
  reportingComponent:string=14 reportingInstance:string=15
core.EventSource:
  component:string=1 host:string=2
core.EventSeries:
  count:int32=1 lastObservedTime:MicroTime=2
core.Secret:
  metadata:meta.ObjectMeta=1 immutable:bool?=5 data:{bytes}=2 stringData:{string}=4 type:string=3
core.ConfigMap:
  metadata:meta.ObjectMeta=1 immutable:bool?=4 data:{string}=2 binaryData:{bytes}=3
core.ServiceAccount:
  metadata:meta.ObjectMeta=1 secrets:[ObjectReference]=2^name#map(name)
  imagePullSecrets:[LocalObjectReference]=3#atomic automountServiceAccountToken:bool?=4
`;

// Fields of Kubernetes 1.34: Pods and their containers (core/v1). Long because Pod is.
// Notation: ./notation.ts. Source: the published API types and their protobuf numbers.
export const POD_TYPES = `
core.Pod:
  metadata:meta.ObjectMeta=1 spec:PodSpec=2 status:PodStatus=3
core.PodSpec:
  volumes:[Volume]=1~^name#map(name) initContainers:[Container]=20^name#map(name)
  containers:[Container]=2^name#map(name)!
  ephemeralContainers:[EphemeralContainer]=34^name#map(name) restartPolicy:string=3
  terminationGracePeriodSeconds:int64?=4 activeDeadlineSeconds:int64?=5 dnsPolicy:string=6
  nodeSelector:{string}=7#atomic serviceAccountName:string=8 serviceAccount:string=9
  automountServiceAccountToken:bool?=21 nodeName:string=10 hostNetwork:bool=11 hostPID:bool=12
  hostIPC:bool=13 shareProcessNamespace:bool?=27 securityContext:PodSecurityContext=14
  imagePullSecrets:[LocalObjectReference]=15^name#map(name) hostname:string=16 subdomain:string=17
  affinity:Affinity=18 schedulerName:string=19 tolerations:[Toleration]=22#atomic
  hostAliases:[HostAlias]=23^ip#map(ip) priorityClassName:string=24 priority:int32?=25
  dnsConfig:PodDNSConfig=26 readinessGates:[PodReadinessGate]=28#atomic
  runtimeClassName:string?=29 enableServiceLinks:bool?=30 preemptionPolicy:string?=31
  overhead:{Quantity}=32
  topologySpreadConstraints:[TopologySpreadConstraint]=33^topologyKey#map(topologyKey,
    whenUnsatisfiable)
  setHostnameAsFQDN:bool?=35 os:PodOS=36 hostUsers:bool?=37
  schedulingGates:[PodSchedulingGate]=38^name#map(name)
  resourceClaims:[PodResourceClaim]=39~^name#map(name) resources:ResourceRequirements=40
  hostnameOverride:string?=41
core.Container:
  name:string=1! image:string=2 command:[string]=3#atomic args:[string]=4#atomic
  workingDir:string=5 ports:[ContainerPort]=6^containerPort#map(containerPort,protocol)
  envFrom:[EnvFromSource]=19#atomic env:[EnvVar]=7^name#map(name) resources:ResourceRequirements=8
  resizePolicy:[ContainerResizePolicy]=23#atomic restartPolicy:string?=24
  restartPolicyRules:[ContainerRestartRule]=25#atomic
  volumeMounts:[VolumeMount]=9^mountPath#map(mountPath)
  volumeDevices:[VolumeDevice]=21^devicePath#map(devicePath) livenessProbe:Probe=10
  readinessProbe:Probe=11 startupProbe:Probe=22 lifecycle:Lifecycle=12
  terminationMessagePath:string=13 terminationMessagePolicy:string=20 imagePullPolicy:string=14
  securityContext:SecurityContext=15 stdin:bool=16 stdinOnce:bool=17 tty:bool=18
core.ContainerPort:
  name:string=1 hostPort:int32=2 containerPort:int32=3! protocol:string=4 hostIP:string=5
core.EnvFromSource:
  prefix:string=1 configMapRef:ConfigMapEnvSource=2 secretRef:SecretEnvSource=3
core.ConfigMapEnvSource:
  ...:LocalObjectReference=1 optional:bool?=2
core.SecretEnvSource:
  ...:LocalObjectReference=1 optional:bool?=2
core.EnvVar:
  name:string=1! value:string=2 valueFrom:EnvVarSource=3
core.EnvVarSource:
  fieldRef:ObjectFieldSelector=1 resourceFieldRef:ResourceFieldSelector=2
  configMapKeyRef:ConfigMapKeySelector=3 secretKeyRef:SecretKeySelector=4
  fileKeyRef:FileKeySelector=5
core.ConfigMapKeySelector:
  ...:LocalObjectReference=1 key:string=2! optional:bool?=3
core.SecretKeySelector:
  ...:LocalObjectReference=1 key:string=2! optional:bool?=3
core.FileKeySelector:
  volumeName:string=1! path:string=2! key:string=3! optional:bool?=4
core.ResourceRequirements:
  limits:{Quantity}=1 requests:{Quantity}=2 claims:[ResourceClaim]=3#map(name)
core.ResourceClaim:
  name:string=1! request:string=2
core.ContainerResizePolicy:
  resourceName:string=1! restartPolicy:string=2!
core.ContainerRestartRule:
  action:string=1 exitCodes:ContainerRestartRuleOnExitCodes=2
core.ContainerRestartRuleOnExitCodes:
  operator:string=1 values:[int32]=2#set
core.VolumeMount:
  name:string=1! readOnly:bool=2 recursiveReadOnly:string?=7 mountPath:string=3! subPath:string=4
  mountPropagation:string?=5 subPathExpr:string=6
core.VolumeDevice:
  name:string=1! devicePath:string=2!
core.Probe:
  ...:ProbeHandler=1 initialDelaySeconds:int32=2 timeoutSeconds:int32=3 periodSeconds:int32=4
  successThreshold:int32=5 failureThreshold:int32=6 terminationGracePeriodSeconds:int64?=7
core.ProbeHandler:
  exec:ExecAction=1 httpGet:HTTPGetAction=2 tcpSocket:TCPSocketAction=3 grpc:GRPCAction=4
core.ExecAction:
  command:[string]=1#atomic
core.HTTPGetAction:
  path:string=1 port:IntOrString=2! host:string=3 scheme:string=4
  httpHeaders:[HTTPHeader]=5#atomic
core.HTTPHeader:
  name:string=1! value:string=2!
core.TCPSocketAction:
  port:IntOrString=1! host:string=2
core.GRPCAction:
  port:int32=1! service:string?=2
core.Lifecycle:
  postStart:LifecycleHandler=1 preStop:LifecycleHandler=2 stopSignal:string?=3
core.LifecycleHandler:
  exec:ExecAction=1 httpGet:HTTPGetAction=2 tcpSocket:TCPSocketAction=3 sleep:SleepAction=4
core.SleepAction:
  seconds:int64=1!
core.SecurityContext:
  capabilities:Capabilities=1 privileged:bool?=2 seLinuxOptions:SELinuxOptions=3
  windowsOptions:WindowsSecurityContextOptions=10 runAsUser:int64?=4 runAsGroup:int64?=8
  runAsNonRoot:bool?=5 readOnlyRootFilesystem:bool?=6 allowPrivilegeEscalation:bool?=7
  procMount:string?=9 seccompProfile:SeccompProfile=11 appArmorProfile:AppArmorProfile=12
core.Capabilities:
  add:[string]=1#atomic drop:[string]=2#atomic
core.SELinuxOptions:
  user:string=1 role:string=2 type:string=3 level:string=4
core.WindowsSecurityContextOptions:
  gmsaCredentialSpecName:string?=1 gmsaCredentialSpec:string?=2 runAsUserName:string?=3
  hostProcess:bool?=4
core.SeccompProfile:
  type:string=1! localhostProfile:string?=2
core.AppArmorProfile:
  type:string=1! localhostProfile:string?=2
core.EphemeralContainer:
  ...:EphemeralContainerCommon=1 targetContainerName:string=2
core.EphemeralContainerCommon:
  name:string=1! image:string=2 command:[string]=3#atomic args:[string]=4#atomic
  workingDir:string=5 ports:[ContainerPort]=6^containerPort#map(containerPort,protocol)
  envFrom:[EnvFromSource]=19#atomic env:[EnvVar]=7^name#map(name) resources:ResourceRequirements=8
  resizePolicy:[ContainerResizePolicy]=23#atomic restartPolicy:string?=24
  restartPolicyRules:[ContainerRestartRule]=25#atomic
  volumeMounts:[VolumeMount]=9^mountPath#map(mountPath)
  volumeDevices:[VolumeDevice]=21^devicePath#map(devicePath) livenessProbe:Probe=10
  readinessProbe:Probe=11 startupProbe:Probe=22 lifecycle:Lifecycle=12
  terminationMessagePath:string=13 terminationMessagePolicy:string=20 imagePullPolicy:string=14
  securityContext:SecurityContext=15 stdin:bool=16 stdinOnce:bool=17 tty:bool=18
core.PodSecurityContext:
  seLinuxOptions:SELinuxOptions=1 windowsOptions:WindowsSecurityContextOptions=8
  runAsUser:int64?=2 runAsGroup:int64?=6 runAsNonRoot:bool?=3 supplementalGroups:[int64]=4#atomic
  supplementalGroupsPolicy:string?=12 fsGroup:int64?=5 sysctls:[Sysctl]=7#atomic
  fsGroupChangePolicy:string?=9 seccompProfile:SeccompProfile=10
  appArmorProfile:AppArmorProfile=11 seLinuxChangePolicy:string?=13
core.Sysctl:
  name:string=1! value:string=2!
core.Affinity:
  nodeAffinity:NodeAffinity=1 podAffinity:PodAffinity=2 podAntiAffinity:PodAntiAffinity=3
core.NodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:NodeSelector=1
  preferredDuringSchedulingIgnoredDuringExecution:[PreferredSchedulingTerm]=2#atomic
core.NodeSelector:
  nodeSelectorTerms:[NodeSelectorTerm]=1#atomic!
core.NodeSelectorTerm:
  matchExpressions:[NodeSelectorRequirement]=1#atomic
  matchFields:[NodeSelectorRequirement]=2#atomic
core.NodeSelectorRequirement:
  key:string=1! operator:string=2! values:[string]=3#atomic
core.PreferredSchedulingTerm:
  weight:int32=1! preference:NodeSelectorTerm=2!
core.PodAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm]=1#atomic
  preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm]=2#atomic
core.PodAffinityTerm:
  labelSelector:meta.LabelSelector=1 namespaces:[string]=2#atomic topologyKey:string=3!
  namespaceSelector:meta.LabelSelector=4 matchLabelKeys:[string]=5#atomic
  mismatchLabelKeys:[string]=6#atomic
core.WeightedPodAffinityTerm:
  weight:int32=1! podAffinityTerm:PodAffinityTerm=2!
core.PodAntiAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm]=1#atomic
  preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm]=2#atomic
core.Toleration:
  key:string=1 operator:string=2 value:string=3 effect:string=4 tolerationSeconds:int64?=5
core.HostAlias:
  ip:string=1! hostnames:[string]=2#atomic
core.PodDNSConfig:
  nameservers:[string]=1#atomic searches:[string]=2#atomic options:[PodDNSConfigOption]=3#atomic
core.PodDNSConfigOption:
  name:string=1 value:string?=2
core.PodReadinessGate:
  conditionType:string=1!
core.TopologySpreadConstraint:
  maxSkew:int32=1! topologyKey:string=2! whenUnsatisfiable:string=3!
  labelSelector:meta.LabelSelector=4 minDomains:int32?=5 nodeAffinityPolicy:string?=6
  nodeTaintsPolicy:string?=7 matchLabelKeys:[string]=8#atomic
core.PodOS:
  name:string=1!
core.PodSchedulingGate:
  name:string=1!
core.PodResourceClaim:
  name:string=1! resourceClaimName:string?=3 resourceClaimTemplateName:string?=4
core.PodStatus:
  observedGeneration:int64=17 phase:string=1 conditions:[PodCondition]=2^type#map(type)
  message:string=3 reason:string=4 nominatedNodeName:string=11 hostIP:string=5
  hostIPs:[HostIP]=16^ip#atomic podIP:string=6 podIPs:[PodIP]=12^ip#map(ip) startTime:Time=7
  initContainerStatuses:[ContainerStatus]=10#atomic containerStatuses:[ContainerStatus]=8#atomic
  qosClass:string=9 ephemeralContainerStatuses:[ContainerStatus]=13#atomic resize:string=14
  resourceClaimStatuses:[PodResourceClaimStatus]=15~^name#map(name)
  extendedResourceClaimStatus:PodExtendedResourceClaimStatus=18
core.PodCondition:
  type:string=1! observedGeneration:int64=7 status:string=2! lastProbeTime:Time=3
  lastTransitionTime:Time=4 reason:string=5 message:string=6
core.HostIP:
  ip:string=1!
core.PodIP:
  ip:string=1!
core.ContainerStatus:
  name:string=1! state:ContainerState=2 lastState:ContainerState=3 ready:bool=4!
  restartCount:int32=5! image:string=6! imageID:string=7! containerID:string=8 started:bool?=9
  allocatedResources:{Quantity}=10 resources:ResourceRequirements=11
  volumeMounts:[VolumeMountStatus]=12^mountPath#map(mountPath) user:ContainerUser=13
  allocatedResourcesStatus:[ResourceStatus]=14^name#map(name) stopSignal:string?=15
core.ContainerState:
  waiting:ContainerStateWaiting=1 running:ContainerStateRunning=2
  terminated:ContainerStateTerminated=3
core.ContainerStateWaiting:
  reason:string=1 message:string=2
core.ContainerStateRunning:
  startedAt:Time=1
core.ContainerStateTerminated:
  exitCode:int32=1! signal:int32=2 reason:string=3 message:string=4 startedAt:Time=5
  finishedAt:Time=6 containerID:string=7
core.VolumeMountStatus:
  name:string=1! mountPath:string=2! readOnly:bool=3 recursiveReadOnly:string?=4
core.ContainerUser:
  linux:LinuxContainerUser=1
core.LinuxContainerUser:
  uid:int64=1! gid:int64=2! supplementalGroups:[int64]=3#atomic
core.ResourceStatus:
  name:string=1! resources:[ResourceHealth]=2#map(resourceID)
core.ResourceHealth:
  resourceID:string=1! health:string=2
core.PodResourceClaimStatus:
  name:string=1! resourceClaimName:string?=2
core.PodExtendedResourceClaimStatus:
  requestMappings:[ContainerExtendedResourceRequest]=1#atomic! resourceClaimName:string=2!
core.ContainerExtendedResourceRequest:
  containerName:string=1! resourceName:string=2! requestName:string=3!
core.PodTemplateSpec:
  metadata:meta.ObjectMeta=1 spec:PodSpec=2
`;

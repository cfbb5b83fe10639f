// Fields of Kubernetes 1.34: What a Pod can mount (core/v1).
// Notation: ./notation.ts. Source: the published API types and their protobuf numbers.
export const VOLUME_TYPES = `
core.Volume:
  name:string=1! ...:VolumeSource=2
core.VolumeSource:
  hostPath:HostPathVolumeSource=1 emptyDir:EmptyDirVolumeSource=2
  gcePersistentDisk:GCEPersistentDiskVolumeSource=3
  awsElasticBlockStore:AWSElasticBlockStoreVolumeSource=4 gitRepo:GitRepoVolumeSource=5
  secret:SecretVolumeSource=6 nfs:NFSVolumeSource=7 iscsi:ISCSIVolumeSource=8
  glusterfs:GlusterfsVolumeSource=9 persistentVolumeClaim:PersistentVolumeClaimVolumeSource=10
  rbd:RBDVolumeSource=11 flexVolume:FlexVolumeSource=12 cinder:CinderVolumeSource=13
  cephfs:CephFSVolumeSource=14 flocker:FlockerVolumeSource=15
  downwardAPI:DownwardAPIVolumeSource=16 fc:FCVolumeSource=17 azureFile:AzureFileVolumeSource=18
  configMap:ConfigMapVolumeSource=19 vsphereVolume:VsphereVirtualDiskVolumeSource=20
  quobyte:QuobyteVolumeSource=21 azureDisk:AzureDiskVolumeSource=22
  photonPersistentDisk:PhotonPersistentDiskVolumeSource=23 projected:ProjectedVolumeSource=26
  portworxVolume:PortworxVolumeSource=24 scaleIO:ScaleIOVolumeSource=25
  storageos:StorageOSVolumeSource=27 csi:CSIVolumeSource=28 ephemeral:EphemeralVolumeSource=29
  image:ImageVolumeSource=30
core.HostPathVolumeSource:
  path:string=1! type:string?=2
core.EmptyDirVolumeSource:
  medium:string=1 sizeLimit:Quantity=2
core.GCEPersistentDiskVolumeSource:
  pdName:string=1! fsType:string=2 partition:int32=3 readOnly:bool=4
core.AWSElasticBlockStoreVolumeSource:
  volumeID:string=1! fsType:string=2 partition:int32=3 readOnly:bool=4
core.GitRepoVolumeSource:
  repository:string=1! revision:string=2 directory:string=3
core.SecretVolumeSource:
  secretName:string=1 items:[KeyToPath]=2#atomic defaultMode:int32?=3 optional:bool?=4
core.KeyToPath:
  key:string=1! path:string=2! mode:int32?=3
core.NFSVolumeSource:
  server:string=1! path:string=2! readOnly:bool=3
core.ISCSIVolumeSource:
  targetPortal:string=1! iqn:string=2! lun:int32=3! iscsiInterface:string=4 fsType:string=5
  readOnly:bool=6 portals:[string]=7#atomic chapAuthDiscovery:bool=8 chapAuthSession:bool=11
  secretRef:LocalObjectReference=10 initiatorName:string?=12
core.LocalObjectReference:
  name:string=1
core.GlusterfsVolumeSource:
  endpoints:string=1! path:string=2! readOnly:bool=3
core.PersistentVolumeClaimVolumeSource:
  claimName:string=1! readOnly:bool=2
core.RBDVolumeSource:
  monitors:[string]=1#atomic! image:string=2! fsType:string=3 pool:string=4 user:string=5
  keyring:string=6 secretRef:LocalObjectReference=7 readOnly:bool=8
core.FlexVolumeSource:
  driver:string=1! fsType:string=2 secretRef:LocalObjectReference=3 readOnly:bool=4
  options:{string}=5
core.CinderVolumeSource:
  volumeID:string=1! fsType:string=2 readOnly:bool=3 secretRef:LocalObjectReference=4
core.CephFSVolumeSource:
  monitors:[string]=1#atomic! path:string=2 user:string=3 secretFile:string=4
  secretRef:LocalObjectReference=5 readOnly:bool=6
core.FlockerVolumeSource:
  datasetName:string=1 datasetUUID:string=2
core.DownwardAPIVolumeSource:
  items:[DownwardAPIVolumeFile]=1#atomic defaultMode:int32?=2
core.DownwardAPIVolumeFile:
  path:string=1! fieldRef:ObjectFieldSelector=2 resourceFieldRef:ResourceFieldSelector=3
  mode:int32?=4
core.ObjectFieldSelector:
  apiVersion:string=1 fieldPath:string=2!
core.ResourceFieldSelector:
  containerName:string=1 resource:string=2! divisor:Quantity=3
core.FCVolumeSource:
  targetWWNs:[string]=1#atomic lun:int32?=2 fsType:string=3 readOnly:bool=4
  wwids:[string]=5#atomic
core.AzureFileVolumeSource:
  secretName:string=1! shareName:string=2! readOnly:bool=3
core.ConfigMapVolumeSource:
  ...:LocalObjectReference=1 items:[KeyToPath]=2#atomic defaultMode:int32?=3 optional:bool?=4
core.VsphereVirtualDiskVolumeSource:
  volumePath:string=1! fsType:string=2 storagePolicyName:string=3 storagePolicyID:string=4
core.QuobyteVolumeSource:
  registry:string=1! volume:string=2! readOnly:bool=3 user:string=4 group:string=5 tenant:string=6
core.AzureDiskVolumeSource:
  diskName:string=1! diskURI:string=2! cachingMode:string?=3 fsType:string?=4 readOnly:bool?=5
  kind:string?=6
core.PhotonPersistentDiskVolumeSource:
  pdID:string=1! fsType:string=2
core.ProjectedVolumeSource:
  sources:[VolumeProjection]=1#atomic defaultMode:int32?=2
core.VolumeProjection:
  secret:SecretProjection=1 downwardAPI:DownwardAPIProjection=2 configMap:ConfigMapProjection=3
  serviceAccountToken:ServiceAccountTokenProjection=4
  clusterTrustBundle:ClusterTrustBundleProjection=5 podCertificate:PodCertificateProjection=6
core.SecretProjection:
  ...:LocalObjectReference=1 items:[KeyToPath]=2#atomic optional:bool?=4
core.DownwardAPIProjection:
  items:[DownwardAPIVolumeFile]=1#atomic
core.ConfigMapProjection:
  ...:LocalObjectReference=1 items:[KeyToPath]=2#atomic optional:bool?=4
core.ServiceAccountTokenProjection:
  audience:string=1 expirationSeconds:int64?=2 path:string=3!
core.ClusterTrustBundleProjection:
  name:string?=1 signerName:string?=2 labelSelector:meta.LabelSelector=3 optional:bool?=5
  path:string=4!
core.PodCertificateProjection:
  signerName:string=1 keyType:string=2 maxExpirationSeconds:int32?=3 credentialBundlePath:string=4
  keyPath:string=5 certificateChainPath:string=6
core.PortworxVolumeSource:
  volumeID:string=1! fsType:string=2 readOnly:bool=3
core.ScaleIOVolumeSource:
  gateway:string=1! system:string=2! secretRef:LocalObjectReference=3! sslEnabled:bool=4
  protectionDomain:string=5 storagePool:string=6 storageMode:string=7 volumeName:string=8
  fsType:string=9 readOnly:bool=10
core.StorageOSVolumeSource:
  volumeName:string=1 volumeNamespace:string=2 fsType:string=3 readOnly:bool=4
  secretRef:LocalObjectReference=5
core.CSIVolumeSource:
  driver:string=1! readOnly:bool?=2 fsType:string?=3 volumeAttributes:{string}=4
  nodePublishSecretRef:LocalObjectReference=5
core.EphemeralVolumeSource:
  volumeClaimTemplate:PersistentVolumeClaimTemplate=1
core.PersistentVolumeClaimTemplate:
  metadata:meta.ObjectMeta=1 spec:PersistentVolumeClaimSpec=2!
core.PersistentVolumeClaimSpec:
  accessModes:[string]=1#atomic selector:meta.LabelSelector=4
  resources:VolumeResourceRequirements=2 volumeName:string=3 storageClassName:string?=5
  volumeMode:string?=6 dataSource:TypedLocalObjectReference=7 dataSourceRef:TypedObjectReference=8
  volumeAttributesClassName:string?=9
core.PersistentVolumeClaim:
  apiVersion:string=0 kind:string=0 metadata:meta.ObjectMeta=1 spec:PersistentVolumeClaimSpec=2
  status:PersistentVolumeClaimStatus=3
core.PersistentVolumeClaimStatus:
  phase:string=1 accessModes:[string]=2#atomic capacity:{Quantity}=3
  conditions:[PersistentVolumeClaimCondition]=4^type#map(type) allocatedResources:{Quantity}=5
  allocatedResourceStatuses:{string}=7 currentVolumeAttributesClassName:string?=8
  modifyVolumeStatus:ModifyVolumeStatus=9
core.PersistentVolumeClaimCondition:
  type:string=1! status:string=2! lastProbeTime:Time=3 lastTransitionTime:Time=4 reason:string=5
  message:string=6
core.ModifyVolumeStatus:
  targetVolumeAttributesClassName:string=1 status:string=2!
core.VolumeResourceRequirements:
  limits:{Quantity}=1 requests:{Quantity}=2
core.TypedLocalObjectReference:
  apiGroup:string?=1 kind:string=2! name:string=3!
core.TypedObjectReference:
  apiGroup:string?=1 kind:string=2! name:string=3! namespace:string?=4
core.ImageVolumeSource:
  reference:string=1 pullPolicy:string=2
`;

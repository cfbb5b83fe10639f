// Fields of Kubernetes 1.34: What all kinds share (meta/v1).
// Notation: ./notation.ts. Source: the published API types and their protobuf numbers.
export const META_TYPES = `
meta.ObjectMeta:
  name:string=1 generateName:string=2 namespace:string=3 selfLink:string=4 uid:string=5
  resourceVersion:string=6 generation:int64=7 creationTimestamp:Time=8 deletionTimestamp:Time=9
  deletionGracePeriodSeconds:int64?=10 labels:{string}=11 annotations:{string}=12
  ownerReferences:[OwnerReference]=13^uid#map(uid) finalizers:[string]=14^#set
  managedFields:[ManagedFieldsEntry]=17#atomic
meta.OwnerReference:
  apiVersion:string=5! kind:string=1! name:string=3! uid:string=4! controller:bool?=6
  blockOwnerDeletion:bool?=7
meta.ManagedFieldsEntry:
  manager:string=1 operation:string=2 apiVersion:string=3 time:Time=4 fieldsType:string=6
  fieldsV1:FieldsV1=7 subresource:string=8
meta.LabelSelector:
  matchLabels:{string}=1 matchExpressions:[LabelSelectorRequirement]=2#atomic
meta.LabelSelectorRequirement:
  key:string=1! operator:string=2! values:[string]=3#atomic
meta.Condition:
  type:string=1! status:string=2! observedGeneration:int64=3 lastTransitionTime:Time=4!
  reason:string=5! message:string=6!
meta.FieldSelectorRequirement:
  key:string=1! operator:string=2! values:[string]=3#atomic
meta.DeleteOptions:
  gracePeriodSeconds:int64?=1 preconditions:Preconditions=2 orphanDependents:bool?=3
  propagationPolicy:string?=4 dryRun:[string]=5#atomic
  ignoreStoreReadErrorWithClusterBreakingPotential:bool?=6
meta.Preconditions:
  uid:string?=1 resourceVersion:string?=2
meta.Status:
  metadata:ListMeta=1 status:string=2 message:string=3 reason:string=4
  details:StatusDetails=5#atomic code:int32=6
meta.ListMeta:
  selfLink:string=1 resourceVersion:string=2 continue:string=3 remainingItemCount:int64?=4
meta.StatusDetails:
  name:string=1 group:string=2 kind:string=3 uid:string=6 causes:[StatusCause]=4#atomic
  retryAfterSeconds:int32=5
meta.StatusCause:
  reason:string=1 message:string=2 field:string=3
`;

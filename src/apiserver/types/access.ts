// Fields of Kubernetes 1.34: who may do what (authentication, authorization, RBAC, admission).
// Notation: ./notation.ts. Source: the published API types and their protobuf numbers.
export const ACCESS_TYPES = `
rbac.Role:
  metadata:meta.ObjectMeta=1 rules:[PolicyRule]=2#atomic
rbac.PolicyRule:
  verbs:[string]=1#atomic! apiGroups:[string]=2#atomic resources:[string]=3#atomic
  resourceNames:[string]=4#atomic nonResourceURLs:[string]=5#atomic
rbac.ClusterRole:
  metadata:meta.ObjectMeta=1 rules:[PolicyRule]=2#atomic aggregationRule:AggregationRule=3
rbac.AggregationRule:
  clusterRoleSelectors:[meta.LabelSelector]=1#atomic
rbac.RoleBinding:
  metadata:meta.ObjectMeta=1 subjects:[Subject]=2#atomic roleRef:RoleRef=3!
rbac.Subject:
  kind:string=1! apiGroup:string=2 name:string=3! namespace:string=4
rbac.RoleRef:
  apiGroup:string=1! kind:string=2! name:string=3!
rbac.ClusterRoleBinding:
  metadata:meta.ObjectMeta=1 subjects:[Subject]=2#atomic roleRef:RoleRef=3!
admission.MutatingWebhookConfiguration:
  metadata:meta.ObjectMeta=1 webhooks:[MutatingWebhook]=2^name#map(name)
admission.MutatingWebhook:
  name:string=1! clientConfig:WebhookClientConfig=2! rules:[RuleWithOperations]=3#atomic
  failurePolicy:string?=4 matchPolicy:string?=9 namespaceSelector:meta.LabelSelector=5
  objectSelector:meta.LabelSelector=11 sideEffects:string?=6! timeoutSeconds:int32?=7
  admissionReviewVersions:[string]=8#atomic! reinvocationPolicy:string?=10
  matchConditions:[MatchCondition]=12^name#map(name)
admission.WebhookClientConfig:
  url:string?=3 service:ServiceReference=1 caBundle:bytes=2
admission.ServiceReference:
  namespace:string=1! name:string=2! path:string?=3 port:int32?=4
admission.RuleWithOperations:
  operations:[string]=1#atomic ...:Rule=2
admission.Rule:
  apiGroups:[string]=1#atomic apiVersions:[string]=2#atomic resources:[string]=3#atomic
  scope:string?=4
admission.MatchCondition:
  name:string=1! expression:string=2!
admission.ValidatingWebhookConfiguration:
  metadata:meta.ObjectMeta=1 webhooks:[ValidatingWebhook]=2^name#map(name)
admission.ValidatingWebhook:
  name:string=1! clientConfig:WebhookClientConfig=2! rules:[RuleWithOperations]=3#atomic
  failurePolicy:string?=4 matchPolicy:string?=9 namespaceSelector:meta.LabelSelector=5
  objectSelector:meta.LabelSelector=10 sideEffects:string?=6! timeoutSeconds:int32?=7
  admissionReviewVersions:[string]=8#atomic! matchConditions:[MatchCondition]=11^name#map(name)
authn.TokenRequest:
  metadata:meta.ObjectMeta=1 spec:TokenRequestSpec=2! status:TokenRequestStatus=3
authn.TokenRequestSpec:
  audiences:[string]=1#atomic! expirationSeconds:int64?=4 boundObjectRef:BoundObjectReference=3
authn.BoundObjectReference:
  kind:string=1 apiVersion:string=2 name:string=3 uid:string=4
authn.TokenRequestStatus:
  token:string=1! expirationTimestamp:Time=2!
authn.TokenReview:
  metadata:meta.ObjectMeta=1 spec:TokenReviewSpec=2! status:TokenReviewStatus=3
authn.TokenReviewSpec:
  token:string=1 audiences:[string]=2#atomic
authn.TokenReviewStatus:
  authenticated:bool=1 user:UserInfo=2 audiences:[string]=4#atomic error:string=3
authn.UserInfo:
  username:string=1 uid:string=2 groups:[string]=3#atomic extra:{[string]}=4
authn.SelfSubjectReview:
  metadata:meta.ObjectMeta=1 status:SelfSubjectReviewStatus=2
authn.SelfSubjectReviewStatus:
  userInfo:UserInfo=1
authz.SelfSubjectAccessReview:
  metadata:meta.ObjectMeta=1 spec:SelfSubjectAccessReviewSpec=2!
  status:SubjectAccessReviewStatus=3
authz.SelfSubjectAccessReviewSpec:
  resourceAttributes:ResourceAttributes=1 nonResourceAttributes:NonResourceAttributes=2
authz.ResourceAttributes:
  namespace:string=1 verb:string=2 group:string=3 version:string=4 resource:string=5
  subresource:string=6 name:string=7 fieldSelector:FieldSelectorAttributes=8
  labelSelector:LabelSelectorAttributes=9
authz.FieldSelectorAttributes:
  rawSelector:string=1 requirements:[meta.FieldSelectorRequirement]=2#atomic
authz.LabelSelectorAttributes:
  rawSelector:string=1 requirements:[meta.LabelSelectorRequirement]=2#atomic
authz.NonResourceAttributes:
  path:string=1 verb:string=2
authz.SubjectAccessReviewStatus:
  allowed:bool=1! denied:bool=4 reason:string=2 evaluationError:string=3
authz.SubjectAccessReview:
  metadata:meta.ObjectMeta=1 spec:SubjectAccessReviewSpec=2! status:SubjectAccessReviewStatus=3
authz.SubjectAccessReviewSpec:
  resourceAttributes:ResourceAttributes=1 nonResourceAttributes:NonResourceAttributes=2
  user:string=3 groups:[string]=4#atomic extra:{[string]}=5 uid:string=6
authz.LocalSubjectAccessReview:
  metadata:meta.ObjectMeta=1 spec:SubjectAccessReviewSpec=2! status:SubjectAccessReviewStatus=3
authz.SelfSubjectRulesReview:
  metadata:meta.ObjectMeta=1 spec:SelfSubjectRulesReviewSpec=2! status:SubjectRulesReviewStatus=3
authz.SelfSubjectRulesReviewSpec:
  namespace:string=1
authz.SubjectRulesReviewStatus:
  resourceRules:[ResourceRule]=1#atomic! nonResourceRules:[NonResourceRule]=2#atomic!
  incomplete:bool=3! evaluationError:string=4
authz.ResourceRule:
  verbs:[string]=1#atomic! apiGroups:[string]=2#atomic resources:[string]=3#atomic
  resourceNames:[string]=4#atomic
authz.NonResourceRule:
  verbs:[string]=1#atomic! nonResourceURLs:[string]=2#atomic
`;

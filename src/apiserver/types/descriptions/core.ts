// What `kubectl explain` says of the core group. Notation: ./notation.ts.
export const CORE_DESCRIPTIONS = `
meta.ObjectMeta: What all objects have: names, labels, and what the server keeps of them.
  name: Name of the object, unique among its kind within the namespace; cannot be changed.
  generateName: Beginning of a name that the server completes, when no name is given.
  namespace: The namespace that the object is in; cannot be changed.
  labels: Names and values by which selectors of Services, Deployments and policies find objects.
  annotations: Names and values that no selector looks at: notes of people and programs.
  uid: Names this object among all that ever were; made by the server.
  resourceVersion: Names this state of the object; a write that names another one is refused.
  generation: Counts the changes of what is desired (the spec).
  creationTimestamp: When the server created it.
  deletionTimestamp: When it will be gone, or its grace period ends; set by a deletion.
  finalizers: Who must still clean up before a deleted object goes.
  ownerReferences: Objects on which this one depends; it goes when all of them have gone.
  managedFields: Who set which fields; kept by the server for server-side apply.
core.Pod: One or more containers that run together on a node, with one network address.
  spec: What is to run.
  status: What runs, as the node saw it last.
core.PodSpec: What is to run in a Pod, and how. Most of it cannot be changed later.
  containers: The containers that run side by side; at least one.
  initContainers: Containers that run before, one after the other, each to its end; one with
    restartPolicy Always goes on beside the others instead (a sidecar).
  volumes: Files that containers may mount: from ConfigMaps, Secrets, the node or nowhere.
  restartPolicy: When ended containers are started again: Always (default), OnFailure or Never.
  serviceAccountName: The ServiceAccount that the Pod speaks for, and that its identity in the
    mesh is made of; default default.
  nodeName: The node that it runs on; set by the scheduler.
  nodeSelector: Labels that the node must have.
  terminationGracePeriodSeconds: From the polite request to end until the kill; default 30.
  hostNetwork: Use the node's network instead of one of its own.
  dnsPolicy: Where names are asked for; default ClusterFirst.
  tolerations: Taints of nodes that do not keep it away.
  imagePullSecrets: Secrets with which images are fetched.
core.Container: One program with its files, run on its own beside the Pod's other containers.
  name: Name of the container, unique within the Pod.
  image: What it runs: the name of an image, with a tag or digest.
  command: Replaces the image's entry point.
  args: Replaces the arguments of the image's entry point.
  env: Environment variables, given or taken from ConfigMaps, Secrets and the Pod itself.
  envFrom: ConfigMaps and Secrets of which every key becomes an environment variable.
  ports: Ports that it listens on: said for people and programs, not enforced.
  volumeMounts: Where which of the Pod's volumes is seen.
  readinessProbe: How to ask whether it can serve; until it can, no Service leads to it.
  livenessProbe: How to ask whether it still works; when it does not, it is started again.
  startupProbe: How to ask whether it has come up; until then the other probes wait.
  resources: How much of the node it may have, and is promised.
  imagePullPolicy: When the image is fetched anew: Always, IfNotPresent or Never.
  securityContext: As which user and with which rights it runs.
  workingDir: Where its program starts; default the image's own.
core.Probe: How a container is asked how it is: a command, an HTTP request or a TCP connection.
  initialDelaySeconds: From the container's start to the first question.
  periodSeconds: From question to question; default 10.
  timeoutSeconds: What takes longer has failed; default 1.
  failureThreshold: So many failures in a row count; default 3.
  successThreshold: So many successes in a row count; default 1.
core.PodStatus: What the node, the scheduler and others saw of a Pod.
  phase: Pending, Running, Succeeded, Failed or Unknown.
  conditions: Whether it is scheduled, initialised and ready, and since when.
  podIP: Its address.
  containerStatuses: State of each container, how often it was started again, and why it ended.
core.Service: A name and an address for a set of Pods, for as long as they come and go.
  spec: Which Pods, which ports, and how it is reached.
  status: The load balancer in front of it, if there is one.
core.ServiceSpec: Which Pods a Service leads to, and how.
  selector: Pods with these labels are the Service's endpoints; without one, somebody else keeps
    its EndpointSlices.
  ports: The ports that it has, and the ports of the Pods that they lead to.
  clusterIP: Its address within the cluster; given by the server when left out; None makes it
    headless: its name leads to the Pods themselves.
  type: ClusterIP (default), NodePort, LoadBalancer or ExternalName.
  externalName: For type ExternalName: the name that it stands for.
  externalIPs: Further addresses that lead to it.
  sessionAffinity: ClientIP keeps a client with one Pod; default None.
core.ServicePort: One port of a Service.
  name: Name of the port; needed when there are several. Its beginning (http-, grpc-, tcp-, …)
    tells the mesh which protocol is spoken.
  port: The port that clients use.
  targetPort: The Pods' own port, by number or by the name in a container; default port.
  nodePort: The port on every node, for types NodePort and LoadBalancer.
  protocol: TCP (default), UDP or SCTP.
  appProtocol: Which protocol is spoken, before what the name says.
core.ReplicationController: What ReplicaSets were before. Kept here, not carried out.
core.ReplicationControllerSpec: Which Pods, and how many.
  replicas: How many Pods there are to be; default 1.
  selector: Labels of the Pods that are its own; default those of the template.
  template: What its Pods are made from.
core.Endpoints: The addresses behind a Service, in the form of before EndpointSlices.
core.ConfigMap: Settings for programs, as keys with texts.
  data: Keys and texts.
  binaryData: Keys and bytes, in base64.
  immutable: true forbids every change of the data.
core.Secret: What is not for everybody's eyes: passwords, keys, certificates.
  data: Keys and bytes, in base64.
  stringData: Keys and texts; written into data by the server, and never shown.
  type: What it is for, and so which keys it must have; default Opaque.
  immutable: true forbids every change of the data.
core.ServiceAccount: Who programs are: the identity of Pods and VMs, in the API and in the mesh.
  imagePullSecrets: Secrets with which images are fetched for its Pods.
  automountServiceAccountToken: false keeps the token out of its Pods.
core.Namespace: A room for objects with names of its own.
core.Node: A machine that runs Pods.
core.NodeSpec: How a node is to be used.
  unschedulable: true keeps new Pods away (kubectl cordon).
  taints: What keeps Pods away that do not tolerate it.
core.NodeStatus: What a node said of itself last.
  addresses: Its addresses and names.
  conditions: Whether it is ready, and since when.
  allocatable: What Pods may use of it together.
core.Event: Something that happened to an object, for people to read.
  involvedObject: What it happened to.
  reason: One word for what happened.
  message: A sentence about it.
  type: Normal or Warning.
  count: How often it happened.
`;

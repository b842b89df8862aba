#!/usr/bin/env python3
"""Records Workflows and their pods in many states from a real Argo: see README.md. usage: record.py [NAME …]"""
import json, os, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
NS, BARE, LIMITED = "argo-recordings", "argo-recordings-quota", "argo-recordings-limit"
IMAGE = "docker.io/runner/busybox:1"
RUN = "0b7c1d9e-5d0f-4c1e-9a55-{:012x}"


def kubectl(*args, text=None, check=True):
    done = subprocess.run(["kubectl", *args], input=text, capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"kubectl {' '.join(args[:4])}: {done.stderr}")
    return done.stdout


def apply(*objects):
    for each in objects:
        kubectl("apply", "-f", "-", text=json.dumps(each))


def account(ns, name, rules):
    apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": ns}})
    if rules:
        apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name, "namespace": ns}, "rules": rules},
              {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name, "namespace": ns},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
               "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": ns}]})


RULES = [{"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}]
number = 0


def workflow(name, main, leave="true", ns=NS, spec=None, container=None, template=None, labels=None):
    global number
    number += 1
    run = RUN.format(number)
    common = {"app.kubernetes.io/name": "openmetadata", "app.kubernetes.io/component": "ingestion", "app.kubernetes.io/managed-by": "openmetadata",
              "app.kubernetes.io/pipeline": "shop", "app.kubernetes.io/pipeline-type": "metadata", "app.kubernetes.io/run-id": run,
              "hybrid-ingestion-runner/control-plane": "recordings", "hybrid-ingestion-runner/agent": "recorder"}
    p = "hybrid-ingestion-runner/"
    notes = {p + "run-id": run, p + "pipeline-type": "metadata", p + "kind": "pipeline", p + "name": "shop", p + "fqn": "shop_pg.shop",
             p + "config": "inline", p + "submission": "recorded"}
    pod = {"labels": common, "annotations": {p + "run-id": run, p + "pipeline-type": "metadata"}}
    safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    env = [{"name": "config", "value": "{}"}, {"name": "pipelineRunId", "value": run}]
    step = lambda command: {"name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", command], "env": env,
                            "securityContext": safe}
    templates = [{"name": "openmetadata-ingestion", "metadata": pod, "container": {**step(main), **(container or {})}, **(template or {})}]
    full = {"entrypoint": "openmetadata-ingestion", "serviceAccountName": "ingestion",
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}, "ttlStrategy": {"secondsAfterCompletion": 604800}}
    if leave is not None:
        exit_step = step(leave)
        exit_step["env"] = env + [{"name": "pipelineStatus", "value": "{{workflow.status}}"}]
        templates.append({"name": "exit-handler", "metadata": pod, "container": exit_step, "activeDeadlineSeconds": 60})
        full["onExit"] = "exit-handler"
    full["templates"] = templates
    full.update(spec or {})
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": name, "namespace": ns, "labels": {**common, **(labels or {})}, "annotations": notes}, "spec": full}


def get(name, ns=NS):
    return json.loads(kubectl("-n", ns, "get", "workflow", name, "-o", "json"))


def pods(name, ns=NS):
    return json.loads(kubectl("-n", ns, "get", "pods", "-l", f"workflows.argoproj.io/workflow={name}", "-o", "json"))["items"]


def clean(thing):
    thing["metadata"].pop("managedFields", None)
    thing["metadata"].get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return thing


def save(name, ns=NS, object_name=None):
    found = clean(get(object_name or name, ns))
    json.dump(found, open(f"{HERE}/workflows/{name}.json", "w"), indent=2, ensure_ascii=False)
    listed = [clean(p) for p in pods(object_name or name, ns)]
    for p in listed:
        p["spec"].pop("volumes", None)
    json.dump(listed, open(f"{HERE}/pods/{name}.json", "w"), indent=2, ensure_ascii=False)
    nodes = [(n["displayName"], n["phase"], n.get("message")) for n in found.get("status", {}).get("nodes", {}).values()]
    print(f"{name}: {found.get('status', {}).get('phase')!r} {found.get('status', {}).get('message')!r} {nodes}", flush=True)


def until(what, condition, seconds=150):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return
        time.sleep(1)
    print(f"TIMEOUT {what}", flush=True)


phase = lambda name, ns=NS: get(name, ns).get("status", {}).get("phase", "")
ended = lambda name, ns=NS: (lambda: phase(name, ns) in ("Succeeded", "Failed", "Error"))
node = lambda name, template, ns=NS: next((n for n in get(name, ns).get("status", {}).get("nodes", {}).values() if n.get("templateName") == template), {})
MAIN, EXIT = "openmetadata-ingestion", "exit-handler"


def case(name, make, condition, ns=NS, act=None, finish=None):
    def run():
        kubectl("-n", ns, "delete", "workflow", name, "--ignore-not-found", "--wait=true")
        apply(make)
        if act:
            act()
        until(name, condition)
        save(name, ns)
        if finish:
            finish()
    return name, run


def shutdown(name, how):
    return lambda: kubectl("-n", NS, "patch", "workflow", name, "--type=merge", "-p", json.dumps({"spec": {"shutdown": how}}))


def stop_running(name, how):
    def act():
        until(name + " runs", lambda: node(name, MAIN).get("phase") == "Running")
        shutdown(name, how)()
    return act


def stop_waiting(name, how):
    def act():
        until(name + " waits", lambda: "Unschedulable" in node(name, MAIN).get("message", ""))
        shutdown(name, how)()
    return act


NOWHERE = {"nodeSelector": {"no-such": "node"}}
MISSING = json.dumps({"initContainers": [{"name": "init", "image": "quay.io/argoproj/argoexec:no-such"}]})


def cases():
    yield case("untouched", workflow("untouched", "true", labels={"workflows.argoproj.io/controller-instanceid": "nobody"}), lambda: time.sleep(5) or True)
    yield case("pending", workflow("pending", "sleep 1", spec=NOWHERE), lambda: node("pending", MAIN).get("phase") == "Pending")
    yield case("unschedulable", workflow("unschedulable", "true", spec=NOWHERE), lambda: "Unschedulable" in node("unschedulable", MAIN).get("message", ""))
    yield case("image-not-found", workflow("image-not-found", "true", container={"image": "docker.io/runner/no-such:1"}),
               lambda: "mage" in node("image-not-found", MAIN).get("message", ""))
    yield case("executor-image-missing", workflow("executor-image-missing", "true", spec={"podSpecPatch": MISSING}),
               lambda: "ImagePull" in json.dumps([p["status"] for p in pods("executor-image-missing")]))
    yield case("running", workflow("running", "sleep 600"), lambda: node("running", MAIN).get("phase") == "Running")
    yield case("exit-running", workflow("exit-running", "true", "sleep 50"), lambda: node("exit-running", EXIT).get("phase") == "Running")
    yield case("exit-running-after-failure", workflow("exit-running-after-failure", "exit 3", "sleep 50"), lambda: node("exit-running-after-failure", EXIT).get("phase") == "Running")
    yield case("succeeded", workflow("succeeded", "echo hello"), ended("succeeded"))
    yield case("failed", workflow("failed", "exit 3"), ended("failed"))
    yield case("no-exit-step", workflow("no-exit-step", "true", None), ended("no-exit-step"))
    yield case("out-of-memory", workflow("out-of-memory", "x=a; while true; do x=$x$x; done", container={"resources": {"limits": {"memory": "32Mi"}}}), ended("out-of-memory"))
    yield case("evicted", workflow("evicted", "dd if=/dev/zero of=/tmp/big bs=1M count=60; sleep 600", container={"resources": {"limits": {"ephemeral-storage": "8Mi"}}}), ended("evicted"))
    yield case("deadline", workflow("deadline", "sleep 600", template={"activeDeadlineSeconds": 8}), ended("deadline"))
    yield case("workflow-deadline", workflow("workflow-deadline", "sleep 600", spec={"activeDeadlineSeconds": 8}), ended("workflow-deadline"))
    yield case("deadline-pending", workflow("deadline-pending", "sleep 600", template={"activeDeadlineSeconds": 8}, spec=NOWHERE), lambda: time.sleep(15) or "Unschedulable" in node("deadline-pending", MAIN).get("message", ""))
    for name, act, how in (("stopped", stop_running, "Stop"), ("terminated", stop_running, "Terminate"), ("stopped-pending", stop_waiting, "Stop"),
                           ("terminated-pending", stop_waiting, "Terminate")):
        yield case(name, workflow(name, "sleep 600", spec=NOWHERE if act is stop_waiting else None), ended(name), act=act(name, how))
    yield case("stopping", workflow("stopping", "trap '' TERM; sleep 600 & wait; sleep 600", "sleep 40"), lambda: node("stopping", EXIT).get("phase") in ("Pending", "Running"), act=stop_running("stopping", "Stop"))
    yield case("exit-failed-after-success", workflow("exit-failed-after-success", "true", "exit 7"), ended("exit-failed-after-success"))
    yield case("exit-failed-after-failure", workflow("exit-failed-after-failure", "exit 3", "exit 7"), ended("exit-failed-after-failure"))
    yield case("results-forbidden", workflow("results-forbidden", "true", spec={"serviceAccountName": "bare"}), ended("results-forbidden"))
    yield case("account-missing", workflow("account-missing", "true", spec={"serviceAccountName": "nobody"}), ended("account-missing"))
    yield case("pod-deleted", workflow("pod-deleted", "sleep 600"), ended("pod-deleted"),
               act=lambda: (until("pod-deleted runs", lambda: node("pod-deleted", MAIN).get("phase") == "Running"),
                            kubectl("-n", NS, "delete", "pods", "-l", "workflows.argoproj.io/workflow=pod-deleted", "--grace-period=0", "--force", "--wait=false")))
    yield case("quota", workflow("quota", "true", ns=BARE), lambda: bool(node("quota", MAIN, BARE).get("message")) or phase("quota", BARE) == "Error", ns=BARE)
    hold = {"synchronization": {"mutexes": [{"name": "recordings"}]}}
    gate = {"synchronization": {"semaphores": [{"configMapKeyRef": {"name": "gates", "key": "one"}}]}}
    for kind, sync in (("mutex", hold), ("semaphore", gate)):
        def act(kind=kind, sync=sync):
            kubectl("-n", NS, "delete", "workflow", f"{kind}-holder", "--ignore-not-found")
        first = workflow(f"{kind}-holder", "sleep 600", spec=sync)
        def run(kind=kind, sync=sync, first=first):
            for each in (f"{kind}-holder", f"{kind}-wait"):
                kubectl("-n", NS, "delete", "workflow", each, "--ignore-not-found", "--wait=true")
            apply(first)
            until(kind + " held", lambda: node(f"{kind}-holder", MAIN).get("phase") == "Running")
            apply(workflow(f"{kind}-wait", "true", spec=sync))
            until(f"{kind}-wait", lambda: phase(f"{kind}-wait") == "Pending")
            save(f"{kind}-wait")
        yield f"{kind}-wait", run
    def limited():
        apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": LIMITED, "labels": {"workflows.argoproj.io/parallelism-limit": "1"}}})
        account(LIMITED, "ingestion", RULES)
        time.sleep(5)
        apply(workflow("first", "sleep 600", ns=LIMITED))
        until("first runs", lambda: node("first", MAIN, LIMITED).get("phase") == "Running")
        apply(workflow("parallelism", "true", ns=LIMITED))
        until("parallelism", lambda: phase("parallelism", LIMITED) == "Pending", 30)
        save("parallelism", LIMITED)
    yield "parallelism", limited


def main():
    wanted = set(sys.argv[1:])
    for ns in (NS, BARE):
        apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns, "labels": {}}})
        account(ns, "ingestion", RULES)
    account(NS, "bare", None)
    apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": BARE}, "spec": {"hard": {"pods": "0"}}},
          {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gates", "namespace": NS}, "data": {"one": "1"}})
    room = threading.Semaphore(6)
    def guarded(name, run):
        with room:
            try:
                run()
            except Exception as e:
                print(f"FAILED {name}: {e}", flush=True)
    threads = [threading.Thread(target=guarded, args=each) for each in cases() if not wanted or each[0] in wanted]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    kubectl("delete", "namespace", NS, BARE, LIMITED, "--ignore-not-found", "--wait=false")


main()

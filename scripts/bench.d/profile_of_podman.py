"""The seccomp profile that podman gives its containers, as it stands in config.json.

The file that comes with podman says for each rule for which capabilities and architectures it is meant; an engine
picks those that fit, and that is what a runtime gets to see.
"""
import json
import pathlib

FILES = ("/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json")
NAMES = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386"}
ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64", "i686": "SCMP_ARCH_X86"}


def fits(rule, capabilities, machine):
    include, exclude = rule.get("includes") or {}, rule.get("excludes") or {}
    name = NAMES.get(machine, machine)
    return (set(include.get("caps") or []) <= set(capabilities) and name in (include.get("arches") or [name]) and
            not set(exclude.get("caps") or []) & set(capabilities) and name not in (exclude.get("arches") or []))


def resolve(capabilities, machine):
    """For a container with these capabilities; None if podman's file is not here."""
    path = next((p for p in map(pathlib.Path, FILES) if p.exists()), None)
    if not path:
        return None
    given = json.loads(path.read_text())
    native = ARCHITECTURES.get(machine)
    architectures = next(([native, *(a.get("subArchitectures") or [])] for a in given.get("archMap", [])
                          if a["architecture"] == native), [native])
    keep = ("names", "action", "args", "errnoRet")
    return {
        "defaultAction": given["defaultAction"],
        **({"defaultErrnoRet": given["defaultErrnoRet"]} if "defaultErrnoRet" in given else {}),
        "architectures": architectures,
        "syscalls": [{key: rule[key] for key in keep if rule.get(key) not in (None, [])}
                     for rule in given["syscalls"] if fits(rule, capabilities, machine)],
    }

#!/usr/bin/env python3
"""Packs files as a one-layer image archive that `cluster load` imports; no container engine needed.

image.py OUT.tar NAME:TAG [--root DIR] [--bin PROGRAM]... [--copy SRC:DEST]... [--user UID] [--workdir DIR] [--env K=V]... [-- ENTRYPOINT...]
--bin copies a program to /usr/local/bin together with the shared libraries that ldd lists for it.
"""
import argparse, hashlib, io, json, os, platform, re, shutil, subprocess, sys, tarfile, tempfile

argv, entrypoint = (sys.argv[1:sys.argv.index('--')], sys.argv[sys.argv.index('--') + 1:]) if '--' in sys.argv else (sys.argv[1:], [])
ap = argparse.ArgumentParser()
ap.add_argument('out'); ap.add_argument('name')
ap.add_argument('--root'); ap.add_argument('--user', default=''); ap.add_argument('--workdir', default='/')
for many in ('--bin', '--copy', '--env'): ap.add_argument(many, action='append', default=[])
a = ap.parse_args(argv)

def libraries(program):
    listed = subprocess.run(['ldd', program], capture_output=True, text=True).stdout
    return re.findall(r'(/\S+\.so\S*)', listed)

with tempfile.TemporaryDirectory() as stage, tempfile.TemporaryFile() as blob:
    if a.root: shutil.copytree(a.root, stage, symlinks=True, dirs_exist_ok=True)
    def put(src, dest):
        target = stage + dest
        os.makedirs(os.path.dirname(target), exist_ok=True)
        (shutil.copytree(src, target, symlinks=True, dirs_exist_ok=True) if os.path.isdir(src) else shutil.copy2(os.path.realpath(src), target))
    for program in a.bin:
        put(program, '/usr/local/bin/' + os.path.basename(program))
        for lib in libraries(program): put(lib, lib)
    for pair in a.copy: put(*pair.split(':', 1))
    os.makedirs(stage + '/tmp', exist_ok=True); os.chmod(stage + '/tmp', 0o1777); os.chmod(stage, 0o755)

    def clean(i):
        i.uid = i.gid = i.mtime = 0; i.uname = i.gname = ''
        return i
    with tarfile.open(fileobj=blob, mode='w') as t: t.add(stage, arcname='.', filter=clean)
    size = blob.tell(); blob.seek(0)
    layer = hashlib.file_digest(blob, 'sha256').hexdigest(); blob.seek(0)
    config = json.dumps({'architecture': {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine()), 'os': 'linux',
        'config': {'Entrypoint': entrypoint or None, 'User': a.user, 'WorkingDir': a.workdir,
                   'Env': ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', *a.env]},
        'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + layer]}, 'history': [{'created_by': 'image.py'}]}).encode()
    name = hashlib.sha256(config).hexdigest() + '.json'
    manifest = json.dumps([{'Config': name, 'RepoTags': [a.name], 'Layers': [layer + '/layer.tar']}]).encode()
    with tarfile.open(a.out, 'w') as t:
        for path, data in ((name, config), ('manifest.json', manifest)):
            info = tarfile.TarInfo(path); info.size = len(data); t.addfile(info, io.BytesIO(data))
        info = tarfile.TarInfo(layer + '/layer.tar'); info.size = size; t.addfile(info, blob)

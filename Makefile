# Rung: a container runtime in seven steps.
#
# "make" lists what can be made; the list is read out of the "##" comments
# below. Programs are built by the ordinary user. Only running them needs root,
# and sudo is asked for there and nowhere else.

.DEFAULT_GOAL := help

# Change these on the command line: make CC=clang step05
CC = gcc
CFLAGS = -O2 -g
PREFIX = /usr/local

# make WERROR=1: a warning stops the build, as it does in CI.
WARNINGS = -Wall -Wextra $(if $(WERROR),-Werror)

# How to become root to run a demo. Empty when we are root already.
SUDO = $$([ "$$(id -u)" = 0 ] || echo sudo)

##@ Start here

help: ## list what can be made (this list)
	@awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5) } \
	    /^[a-z0-9 -]+:.*## / { n = split($$1, name, " "); \
	    if (n > 1) name[1] = name[1] (n > 2 ? ".." : ", ") name[n]; \
	    printf "  make %-16s %s\n", name[1], $$2 }' Makefile

# A machine that can't run step07 (scripts/doctor says why) has a VM do it, with
# the program built here, or again there if it doesn't run with that C library.
# What comes from there is no terminal; script(1) makes one for the colours.
demo: ## install what is missing, build step07, run it
	@scripts/setup build
	@[ -x step07_full_runtime/demo ] || echo 'make demo: building step07, once'
	@$(MAKE) -s QUIET=1 rootfs step07
	@if scripts/doctor --quiet 07; then \
	    $(SUDO) ./step07/demo; \
	else \
	    scripts/doctor 07; \
	    echo 'make demo: so the demonstration runs in a virtual machine'; \
	    [ -t 1 ] && play='script -qec "./step07/demo --no-pause" /dev/null' || \
	        play=./step07/demo; \
	    scripts/setup vm && \
	    scripts/vm run --copy-in step07 --copy-in step07_full_runtime/demo \
	        sh -c 'make -s rootfs; ./step07/demo --help >/dev/null 2>&1 || \
	        make -s QUIET=1 step07; '"$$play"; \
	fi

test: ## run every test, here or in a virtual machine
	@scripts/setup build test
	@scripts/test

doctor: ## can this machine run each step, and if not, why
	@scripts/doctor

setup: ## install what building and testing need (asks for sudo)
	@scripts/setup $(if $(BUNDLE),--bundle '$(BUNDLE)' vm) build test

rootfs: ## make build/rootfs, the containers' root file system
	@scripts/rootfs busybox build/rootfs

# With what was built here, so that nothing need be built again in there.
vm: ## a root shell in a virtual machine, with all this in it
	@scripts/setup build vm
	@scripts/vm $(addprefix --copy-in ,$(wildcard build/rootfs build/plain \
	    step0? step0?_*/demo))

vm-stop: ## end the virtual machine that waits for the next grade
	@scripts/vm stop

cleanup: ## remove what a demo left that was killed with SIGKILL
	@$(SUDO) scripts/cleanup

##@ The steps

all: step01 step02 step03 step04 step05 step06 step07 ## build every step

step01: step01_fork_exec/demo ## run a program and report how it ended
step02: step02_pid_ns/demo ## make it process 1
step03: step03_uts_ns/demo ## a hostname of its own
step04: step04_mount_proc/demo ## a root directory and a /proc of its own
step05: step05_cgroup_v2/demo ## limits on memory, processes and CPU time
step06: step06_veth/demo ## a network of its own
step07: step07_full_runtime/demo ## the complete runtime

# A short link, so that "make step05 && sudo ./step05/demo" works from here.
step01 step02 step03 step04 step05 step06 step07:
	@ln -sfn $(<D) $@

# One step's tests: make test05. What one step adds: make diff05.
test01 test02 test03 test04 test05 test06 test07: ## run one step's tests
	@scripts/setup build test
	@scripts/test $(@:test%=%)

diff02 diff03 diff04 diff05 diff06 diff07: ## show what one step adds
diff02 diff03 diff04 diff05 diff06:
	@scripts/lab diff --step=$(@:diff%=%)

# step07 has other files: which of them do the work of which now.
diff07:
	@scripts/diff07

##@ How good step07 is

conformance: ## the OCI specification, rule by rule
	@scripts/setup build test
	@scripts/conformance

compare-runtimes: ## ours, crun and runc through the same tests: a table
	@scripts/setup build test vm
	@$(MAKE) --no-print-directory step07 rootfs
	@scripts/compare-runtimes $(if $(UPDATE),--update)

# One in a sample only: make faults SAMPLE=5 ONLY=exec
faults: build/faults/inject all rootfs ## have each system call of a start fail, once
	@$(SUDO) scripts/faults $(FAULT_OPTIONS)

kills: build/faults/inject all rootfs ## end a start at each of its system calls
	@$(SUDO) scripts/faults --kills $(FAULT_OPTIONS)

fuzz: ## change step07's input at random; MINUTES=60
	@scripts/setup build fuzz
	@AFL_QUIET=1 AFL_USE_ASAN=1 AFL_USE_UBSAN=1 $(MAKE) --no-print-directory \
	    VARIANT=fuzz CC=afl-clang-fast CFLAGS='-O1 -g' build/fuzz/target
	@scripts/fuzz $(if $(MINUTES),--minutes $(MINUTES))

attacks: all rootfs ## try to get out of each step's container: a table
	@$(SUDO) scripts/attacks $(if $(UPDATE),--update)

audit: step07 rootfs ## what our default container may do, and others' do not
	@$(SUDO) scripts/audit

FAULT_OPTIONS = $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(ONLY),--only $(ONLY))

bench bench-quick: ## the time a container takes, here and there
	@scripts/setup build bench
	@$(MAKE) --no-print-directory step07 static
	@strip -o build/static/rung $(STATIC) # as "make install" does
	@scripts/bench $(if $(@:bench=),--quick) --runtime rung=build/static/rung \
	    $(BENCH_OPTIONS)

##@ Write it yourself (STEP=01 to 07; your files are in work/)

lab: ## begin a step from ours before it (FROM=mine: from yours)
grade: ## the lesson's tests: 100 points (ALL=1: all tests)
polish: ## the rest of the step's tests: stars
hint: ## the next hint for the first test that fails
watch: ## grade at each save
diff: ## what our step adds to the one before
compare: ## your program and ours
solution: ## solutions to a chapter's exercises (STEP=03)
status: ## points in all steps, and what is next
reset: ## move your step to work/old, to begin again
report: ## your grades as TAP, JUnit and JSON
jump: ## begin at a later step

##@ For a class

class-report: ## a table of students and steps (DIR=submissions/)
bundle: ## an archive for a class without internet
handout: ## the chapters as one PDF
slides: ## their pictures as one PDF, for the projector

lab grade polish hint watch diff compare status reset report jump class-report \
bundle handout:
	@scripts/setup build test
	@scripts/lab $@ $(LAB_OPTIONS)

# make grade STEP=05 is scripts/lab grade --step=05.
LAB_OPTIONS = \
    $(if $(STEP),'--step=$(STEP)') $(if $(PART),'--part=$(PART)') \
    $(if $(TEST),'--test=$(TEST)') $(if $(DEMO),'--demo=$(DEMO)') \
    $(if $(FROM),'--from=$(FROM)') $(if $(DIR),'--dir=$(DIR)') \
    $(if $(ENGINE),'--engine=$(ENGINE)') \
    $(if $(ALL),--all) $(if $(STRICT),--strict) $(if $(YES),--yes)

slides:
	@scripts/lab.d/handout --slides

solution:
	@[ -d "$$(echo step$(STEP)_*/.solution)" ] || \
	    { echo 'make solution: which step? STEP=01 to 07'; exit 2; }
	@cd step$(STEP)_*/.solution && tail -n +1 README.md $$(ls | grep -v README)

##@ Use it as your runtime

static: ## step07 as one file without libraries, for make install
	@$(MAKE) --no-print-directory VARIANT=static build/static/step07/demo

install: ## install step07 as rung, below PREFIX (/usr/local)
	@[ -x step07_full_runtime/demo ] || { echo 'make step07 first'; exit 1; }
	@[ ! -e $(STATIC) ] || [ -z "$$(find step07_full_runtime scripts/static.d \
	    -name '*.[ch]' -newer $(STATIC))" ] || { \
	    echo 'make static again first: its source has changed'; exit 1; }
	install -D -s -m 755 $(or $(wildcard $(STATIC)),step07_full_runtime/demo) \
	    $(INSTALLED_PROGRAM)
	$(if $(wildcard $(STATIC)),install -D -s -m 755 \
	    step07_full_runtime/demo $(INSTALLED_PLAIN))
	install -D -m 644 step07_full_runtime/rung.1 $(INSTALLED_MANUAL)
	install -D -m 644 step07_full_runtime/rung.bash $(INSTALLED_COMPLETION)

uninstall: ## remove what install has installed
	rm -f $(INSTALLED_PROGRAM) $(INSTALLED_PLAIN) $(INSTALLED_MANUAL) $(INSTALLED_COMPLETION)

INSTALLED_PROGRAM = $(DESTDIR)$(PREFIX)/bin/rung
STATIC = build/static/step07/demo
INSTALLED_PLAIN = $(DESTDIR)$(PREFIX)/lib/rung/rung
INSTALLED_MANUAL = $(DESTDIR)$(PREFIX)/share/man/man1/rung.1
INSTALLED_COMPLETION = \
    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/rung

##@ For those who change the code

mutants: ## leave out each safeguard, and see a test fail
	@scripts/setup build test
	@scripts/mutants

# In the VM: it is alike everywhere, and has all that the demonstration needs.
recording: ## record the demonstration anew: scripts/demo.svg
	@scripts/setup build vm
	@$(MAKE) -s QUIET=1 rootfs step07
	@scripts/vm run --user student --copy-in build/rootfs --copy-in step07 \
	    --copy-in step07_full_runtime/demo --copy-out build/demo.cast \
	    scripts/record build/demo.cast sudo ./step07/demo
	@scripts/record --svg build/demo.cast >scripts/demo.svg

format: ## lay the C code out as .clang-format says
	@scripts/setup lint
	clang-format -i $(SOURCES)

lint: ## check the code and the scripts with every tool
	@scripts/setup build test lint
	@$(MAKE) --no-print-directory --keep-going \
	    lint-format lint-scripts lint-build lint-tidy

lint-format:
	@clang-format --dry-run -Werror $(SOURCES)

# SC2317 takes functions that a trap or a variable calls for unreachable.
lint-scripts:
	shellcheck -x -e SC2317 $(SCRIPTS)
	mandoc -T lint -W warning step07_full_runtime/rung.1
	shellcheck -x -S warning -s bats $(BATS)
	pyflakes3 $(PYTHON)

lint-build:
	@$(MAKE) --no-print-directory VARIANT=analyzer WERROR=1 variant

asan: ## build with checks of memory use, in build/asan
	@$(MAKE) --no-print-directory VARIANT=asan variant

arm64 i386: ## cross-compile, in build/arm64 and build/i386
	@scripts/setup build cross
	@scripts/rootfs sysroot-$@ build/sysroot/$@
	@$(MAKE) --no-print-directory VARIANT=$@ variant

clean: ## remove everything that was made here
	@rm -rf --one-file-system build step0? step0*_*/demo || { \
	    echo 'make clean: what a demo wrote is root'\''s: sudo make clean'; \
	    exit 1; }

# How a program is built. VARIANT says which kind: the plain one stands beside
# its source (step05_cgroup_v2/demo), the others in build/VARIANT/step05/demo.

VARIANT = plain
BUILD = build/$(VARIANT)

FLAGS_asan = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
    -fno-omit-frame-pointer
FLAGS_analyzer = -fanalyzer
# One file, which loads nothing: what needs a library is the plain program's. It
# has a small C library in it, musl, which is without the kernel's headers.
CC_static = musl-gcc
LAYOUT = scripts/static.d/layout.ld
FLAGS_static = -static -fno-pie -no-pie -ffunction-sections -fdata-sections \
    -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-T,$(LAYOUT) \
    -Wl,--entry=start_protected -Wl,--undefined=start_protected \
    -idirafter /usr/include -idirafter /usr/include/$(MULTIARCH) \
    -include scripts/static.d/musl.h -DPLAIN_PROGRAM='"$(PREFIX)/lib/rung/rung"'
MULTIARCH = $(shell $(CC) -print-multiarch)
# Functions that are many and short would take longer with the notes than without.
FLAGS_calls = -finstrument-functions -fno-pie \
    -finstrument-functions-exclude-file-list=base/,config/json,seccomp/rules,seccomp/program,seccomp/default
FLAGS_arm64 = --sysroot=$(SYSROOT)
# 64-bit file offsets and times on a 32-bit machine too.
FLAGS_i386 = --sysroot=$(SYSROOT) -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64

# Compilers for another machine, and where its libraries' .pc files are.
# (i386 is not "gcc -m32": Debian can't have that beside an arm64 compiler.)
SYSROOT = build/sysroot/$(VARIANT)
CC_arm64 = aarch64-linux-gnu-gcc
CC_i386 = i686-linux-gnu-gcc
PC_DIR_arm64 = $(SYSROOT)/usr/lib/aarch64-linux-gnu/pkgconfig
PC_DIR_i386 = $(SYSROOT)/usr/lib/i386-linux-gnu/pkgconfig

PKG_CONFIG = $(if $(PC_DIR_$(VARIANT)), \
    PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) PKG_CONFIG_LIBDIR=$(PC_DIR_$(VARIANT)) \
    )pkg-config
COMPILE = $(strip $(or $(CC_$(VARIANT)),$(CC)) -std=gnu17 $(WARNINGS) \
    $(FLAGS_$(VARIANT)) $(CFLAGS) $(CPPFLAGS))

# The libraries of each step. Steps 01 to 05 need the C library alone.
LIBRARIES_step06 = libmnl libnftables
LIBRARIES_step07 = libcap libseccomp $(if $(VARIANT:static=),libmnl) jansson

# Their flags, as in $(call libraries,--libs,step06).
libraries = $(if $(LIBRARIES_$2), $$($(PKG_CONFIG) $1 $(LIBRARIES_$2)))
link_flags = $(if $(LDFLAGS), $(LDFLAGS))$(if $(filter static,$(VARIANT)), \
    $(foreach library,cap seccomp jansson,$(shell $(CC) -print-file-name=lib$(library).a)), \
    $(call libraries,--cflags --libs,$1))

SOURCES = $(sort $(wildcard step0*_*/*.[ch] step07_*/*/*.[ch] scripts/*.d/*.c))
SCRIPTS = .ci/run $(wildcard scripts/*.bash step07_full_runtime/*.bash) \
    $(shell grep -d skip -lE '^\#!.*sh$$' scripts/* scripts/*/*)
PYTHON = $(wildcard scripts/*.d/*.py) \
    $(shell grep -d skip -lE '^\#!.*python3$$' scripts/* scripts/*/*)
BATS = $(wildcard scripts/*.bats step0*_*/*.bats step07_*/tests/*.bats)

# The step of a file or directory: step05 of step05_cgroup_v2/demo.c.
step = $(firstword $(subst _, ,$1))
STEPS := $(foreach dir,$(sort $(wildcard step0[1-7]_*)),$(call step,$(dir)))

variant: $(STEPS:%=$(BUILD)/%/demo)

# Steps 01 to 06: every .c file of the directory, compiled in one go.
.SECONDEXPANSION:
step01_fork_exec/demo step02_pid_ns/demo step03_uts_ns/demo \
step04_mount_proc/demo step05_cgroup_v2/demo step06_veth/demo: \
%/demo: $$(sort %/demo.c $$(wildcard %/*.[ch])) $(BUILD)/command
	$(COMPILE) -o $@ $(filter %.c,$^)$(call link_flags,$(call step,$*))

# A learner's program is built as ours is: work/step05_cgroup_v2/demo. For
# step07, which begins with our step06, it may use the libraries of both.
work/%/demo: $$(wildcard work/$$*/*.[ch]) $(BUILD)/command
	@$(COMPILE) -o $@ $(filter %.c,$^)$(call link_flags,$(if \
	    $(filter step07%,$(*F)),step06))$(call link_flags,$(call step,$(*F)))

$(BUILD)/step0%/demo: $$(wildcard step0$$*_*/*.[ch]) $(BUILD)/command
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $(filter %.c,$^)$(call link_flags,step0$*)

# What makes a system call fail: scripts/faults.
build/faults/inject: scripts/faults.d/inject.c $(BUILD)/command
	@mkdir -p $(@D)
	$(COMPILE) -o $@ $< -lseccomp

# step07 is compiled file by file: it has many, in rooms (an object is in one of
# the same name). The commands differ but little from the one at the end.
STEP07_DIR = $(if $(VARIANT:plain=),$(BUILD)/step07,step07_full_runtime)
STEP07_OBJECTS = $(patsubst step07_full_runtime/%.c,$(BUILD)/step07/%.o, \
    $(filter step07%.c,$(SOURCES)))

# What the static program has in place of libraries, and its own start.
STATIC_OBJECTS = $(patsubst scripts/static.d/%.c,$(BUILD)/step07/%.o, \
    $(wildcard scripts/static.d/*.c))
STEP07_OBJECTS += $(if $(filter static,$(VARIANT)),$(STATIC_OBJECTS))

$(STATIC_OBJECTS): $(BUILD)/step07/%.o: scripts/static.d/%.c $(BUILD)/hardening
	@mkdir -p $(@D)
	@echo 'compile $<'
	@$(COMPILE) @$(BUILD)/hardening $(if $(filter start malloc,$*),$(WITHOUT_LIBRARY)) \
	    -MMD -MP -c -o $@ $<

# Before the C library has begun, nothing may be called that it has; and malloc
# must not become a call of itself.
WITHOUT_LIBRARY = -fno-stack-protector -U_FORTIFY_SOURCE -fno-builtin \
    -fno-tree-loop-distribute-patterns

$(STEP07_DIR)/demo: $(STEP07_OBJECTS) $(if $(filter static,$(VARIANT)),$(LAYOUT))
	@mkdir -p $(@D)
	@$(if $(QUIET),,echo 'link $@')
	@$(COMPILE) @$(BUILD)/hardening -o $@ $(filter %.o,$^)$(call link_flags,step07)

# What keeps a mistake from becoming somebody's way in: those of these flags that
# the compiler knows. (Where FORTIFY_SOURCE looks, ASan looks closer.)
HARDENING = -fstack-protector-strong -fstack-clash-protection -fcf-protection \
    -mbranch-protection=standard -fstrict-flex-arrays=3 -Wl,-z,relro,-z,now \
    $(if $(filter-out asan fuzz static,$(VARIANT)),-D_FORTIFY_SOURCE=2)

$(BUILD)/hardening: $(BUILD)/command
	@for flag in $(HARDENING); do \
	    echo '#include <stdio.h>' | $(COMPILE) -Werror "$$flag" -c -x c \
	    -o /dev/null - 2>/dev/null && echo "$$flag" || :; done >$@

$(BUILD)/step07/%.o: step07_full_runtime/%.c $(BUILD)/hardening
	@mkdir -p $(@D)
	@$(if $(QUIET),,echo 'compile $<')
	@$(COMPILE) @$(BUILD)/hardening -I step07_full_runtime -MMD -MP -c -o $@ $< \
	    $(call libraries,--cflags,step07)

# All of it but its main, with another one: scripts/fuzz.
$(BUILD)/target: scripts/fuzz.d/target.c \
    $(filter-out %/main.o,$(STEP07_OBJECTS))
	$(COMPILE) -I step07_full_runtime -o $@ $^$(call link_flags,step07)

# All of it, noting which functions it enters, and when: scripts/timeline.
build/calls/demo: scripts/test.d/calls.c $(STEP07_OBJECTS)
	$(COMPILE) -no-pie -o $@ $^$(call link_flags,step07)

-include $(wildcard build/*/step07/*.d build/*/step07/*/*.d)

# This file holds the command that compiles. It changes when the compiler or a
# flag does, and then everything is built again. It also is the place to say
# what is wrong before a compiler says it less clearly.
$(BUILD)/command: FORCE
	@command -v $(firstword $(COMPILE)) >/dev/null || { \
	    echo 'make: $(firstword $(COMPILE)) is missing: "make setup"'; \
	    exit 1; }
	@[ -z "$$SUDO_USER" ] || [ "$$(id -u)" != 0 ] || [ -O . ] || { \
	    echo 'make: build without sudo, or your files will be root'\''s'; \
	    exit 1; }
	@mkdir -p $(@D)
	@echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' >$@

# What the tests look at the host with.
build/plain/host: scripts/test.d/host.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 $(WARNINGS) $(CFLAGS) -o $@ $< $$(pkg-config --cflags --libs libmnl)

# clang-tidy, one file at a time, and again only when the file has changed. No
# step may run another program to do its work (cert-env33-c), but for the
# demonstrations: they type commands as a reader would.
build/tidy/%.ok: %.c $(filter step07%.h,$(SOURCES)) .clang-tidy
	clang-tidy --quiet $< \
	    $(if $(findstring demonstration,$<),--checks=-cert-env33-c) \
	    -- -std=gnu17 $(if $(filter step07% scripts/fuzz%,$*),-I step07_full_runtime) \
	    $(call libraries,--cflags,$(call step,$*))
	@mkdir -p $(@D) && touch $@

# (The lab's skeleton is no program before it lies beside a step's files.)
lint-tidy: $(patsubst %.c,build/tidy/%.ok, \
    $(filter-out scripts/lab.d/%,$(filter %.c,$(SOURCES))))

FORCE:

.DELETE_ON_ERROR:
.PHONY: help demo test doctor setup rootfs vm vm-stop cleanup all mutants faults kills fuzz \
    attacks audit bench bench-quick \
    compare-runtimes recording format lint \
    lint-format lint-scripts lint-build lint-tidy \
    asan static arm64 i386 install uninstall clean variant FORCE \
    step01 step02 step03 step04 step05 step06 step07 \
    test01 test02 test03 test04 test05 test06 test07 \
    diff02 diff03 diff04 diff05 diff06 diff07 \
    lab grade polish hint watch diff compare solution status reset report jump \
    class-report bundle handout slides

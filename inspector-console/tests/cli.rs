//! The program as a user runs it, on a made-up snapshot.

use expect_test::{expect, Expect};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A snapshot file of this test's own.
fn snapshot(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("demo.heapsnap");
    std::fs::write(&path, heap_analysis::demo::file(600)).unwrap();
    path
}

fn run(name: &str, args: &[&str]) -> Output {
    let path = snapshot(name);
    Command::new(env!("CARGO_BIN_EXE_inspector-console"))
        .current_dir(path.parent().unwrap())
        .env("COLUMNS", if args.contains(&"types") { "160" } else { "100" })
        .args(args)
        .output()
        .unwrap()
}

#[track_caller]
fn answer(name: &str, args: &[&str]) -> String {
    let output = run(name, args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn check(name: &str, args: &[&str], expected: Expect) {
    expected.assert_eq(&answer(name, args));
}

fn check_error(name: &str, args: &[&str], expected: Expect) {
    let output = run(name, args);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    expected.assert_eq(&String::from_utf8(output.stderr).unwrap());
}

fn json(name: &str, args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&answer(name, args)).unwrap()
}

#[test]
fn help() {
    check(
        "help",
        &["--help"],
        expect![[r#"
            The terminal view of a heap snapshot

            Usage: inspector-console [OPTIONS] <FILE> [COMMAND]

            Questions:
              summary    What the snapshot is, its roots, its largest types, and whether it adds up (the default)
              roots      Roots with their parts: alone, in all, shared
              types      The type table: how many there are of each type and where the bytes go
              type       One type: layout, variants with their dead space, lengths against capacities
              owns       What a root, a node or all nodes of a type own: alone, in all, with and without parts
              tree       What hangs below a node
              path       Why a node is alive: the shortest way from a root, and what it cannot live without
              ledger     Whether the snapshot adds up: every block in one class, against the allocator's own figure
              keys       Keys by the tables they index, and those past the end of theirs
              memory     What the process takes, level by level: from the resident set down to payload
              classes    Size classes with their slabs, and types that a few bytes less would put into the next class
              pages      Pages that hold little: which size classes and which types keep slabs half empty
              missing    Types the walk could not read, by bytes, each with the line to write
              stacks     Live blocks by the stack that allocated them (of a program run with HEAP_TRACK=stacks)
              unclaimed  What nobody claims, by size class, by what holds it, or by the stack or the tag that allocated it
              help       Print this message or the help of the given subcommand(s)

            Arguments:
              <FILE>  Snapshot file

            Options:
                  --config <FILE>      Type config to use instead of the built-in one or ./heap-inspector.toml
                  --json               Print the rows as JSON
                  --snapshot <N>       Snapshot of the file, from 1; the last one by default
                  --lens <KINDS>       Edges that hold memory: own, share, weak, borrow, raw, key, joined by `+` [default: own+share]
                  --type-sizes <FILE>  Output of rustc's -Zprint-type-sizes: completes layouts; may be given several times
              -h, --help               Print help
              -V, --version            Print version

            A NODE is the name of a root (gcx), a number (#123), an address (0x7f…) or a type (mir::Body).
            Sizes: alone is what goes with an owner, in all is what it reaches, shared is the difference.
            Without a question it answers with a summary.
        "#]],
    );
}

#[test]
fn summary() {
    check(
        "summary",
        &["demo.heapsnap"],
        expect![[r#"
            demo at checkpoint after_check, hit 1, crate=example
            pid 4242, 2026-01-01 00:00 UTC, quiescent, walked in 9.9 µs and enumerated in 0 ns
            320 nodes, 474 edges; 322 live blocks of 70.1 KiB, 99.2% of it reached

            memory          bytes  less (`memory` has all)
            active       76.0 KiB
            allocated    74.1 KiB  4.0 KiB the tool's own
            live blocks  70.1 KiB
            population   70.1 KiB  7.4 KiB rounding
            requested    62.7 KiB  27.1 KiB dead variant space, 19.2 KiB spare capacity
            payload      15.3 KiB
            address space of the allocator: 2.0 MiB mapped, 0 B kept without memory behind it

            root             type              alone    in all  shared  nodes    id
            session          demo::Session  69.2 KiB  69.3 KiB   112 B    314    #0
            checker + parts                    960 B   1.2 KiB   304 B     13
            checker          demo::Checker     256 B     256 B     0 B      6  #313
            checker.module   demo::Module      704 B    1008 B   304 B      7    #1

            type                    count  inline   shallow  retained  payload     slack  untyped
            Vec<demo::hir::Expr>      152     152  61.6 KiB  68.6 KiB  9.4 KiB  52.2 KiB        ·
            demo::hir::Call           150       ·   7.0 KiB  68.0 KiB  5.4 KiB   1.6 KiB        ·
            Vec<u32>                    2       2     320 B     320 B     72 B     248 B        ·
            Box<[u8]>                   5       ·     176 B     176 B    150 B      26 B        ·
            HashMap<u32, Box<str>>      1       1     128 B     160 B     40 B      88 B        ·
            Vec<demo::Module>           1       1     128 B  69.1 KiB    128 B         ·        ·
            demo::Table                 2       ·      96 B     416 B     64 B      32 B        ·
            Vec<Box<str>>               1       1      64 B     208 B     48 B      16 B        ·
            String                      2       2      48 B      48 B     41 B       7 B        ·
            Weak<demo::Table>           1       2      48 B      48 B        ·         ·     48 B
            demo::hir::Expr             ·     519         ·         ·        ·         ·        ·
            u64                         ·     370         ·         ·        ·         ·        ·
            and 11 more types: `types` shows them

            the ledger closes: 322 blocks, 71 824 bytes, each in one class, and the allocator says the same
            nobody claims 5 blocks, 0.8% of the program's bytes
            1 blocks (48 B) hold no value any more: 1 weak handles keep them
            1 shared blocks have outside owners: more strong handles than the walk met

            type config: none
        "#]],
    );
}

#[test]
fn roots() {
    check(
        "roots",
        &["demo.heapsnap", "roots"],
        expect![[r#"
        root             type              alone    in all  shared  nodes    id
        session          demo::Session  69.2 KiB  69.3 KiB   112 B    314    #0
        checker + parts                    960 B   1.2 KiB   304 B     13
        checker          demo::Checker     256 B     256 B     0 B      6  #313
        checker.module   demo::Module      704 B    1008 B   304 B      7    #1

        checker.module is a name for session.modules[1]

        type config: none
    "#]],
    );
}

#[test]
fn types() {
    check(
        "types",
        &["demo.heapsnap", "types", "--filter", "vec<", "--sort", "spare", "--top", "3"],
        expect![[r#"
            type                  count  inline   shallow  retained  payload  padding      dead  overhead     spare  rounding  untyped
            Vec<demo::hir::Expr>    152     152  61.6 KiB  68.6 KiB  9.4 KiB        ·  27.1 KiB         ·  18.9 KiB   6.2 KiB        ·
            Vec<u32>                  2       2     320 B     320 B     72 B        ·         ·         ·     248 B         ·        ·
            Vec<Box<str>>             1       1      64 B     208 B     48 B        ·         ·         ·      16 B         ·        ·

            1 more types: `--top 0` shows all

            type config: none
        "#]],
    );
}

#[test]
fn types_by_component() {
    let path = snapshot("groups");
    let config = path.with_file_name("heap-inspector.toml");
    std::fs::write(config, "[[group]]\nname = \"HIR\"\nmatch = [\"demo::hir::*\", \"*<demo::hir::*\"]\n")
        .unwrap();
    check(
        "groups",
        &["demo.heapsnap", "types", "--group"],
        expect![[r#"
        component       count  inline   shallow  retained   payload  padding      dead  overhead     spare  rounding  untyped
        HIR               302     821  68.6 KiB  68.6 KiB  14.8 KiB    450 B  27.1 KiB         ·  18.9 KiB   7.3 KiB        ·
        (no component)     17   1 422    1008 B  69.6 KiB     543 B      8 B         ·      52 B     319 B      38 B     48 B

        type config: ./heap-inspector.toml
    "#]],
    );
}

#[test]
fn one_type() {
    check(
        "type",
        &["demo.heapsnap", "type", "Expr"],
        expect![[r#"
        demo::hir::Expr
        enum, 72 bytes, aligned to 8
        src/main.rs:12 (demo 0.1.0)

        0 nodes: shallow 0 B, retained 0 B; 519 inline values: 36.5 KiB

        Variants (8 bytes of discriminant each)
        variant  values         size  payload  dead each      dead  places
        Int         323  62.2%     4  3.8 KiB       60 B  18.9 KiB  323 element
        Call        150  28.9%     8  2.3 KiB       56 B   8.2 KiB  150 element
        Words        46   8.9%    64  3.2 KiB        0 B       0 B  46 element
        (all)       519               9.4 KiB             27.1 KiB

        Lengths of Vec<demo::hir::Expr>: 152 hold 519 elements of 72 bytes and have room for 788, 65.9% in use, 18.9 KiB spare
        length  containers  elements  capacity  in use    spare
             1          27        27       108   25.0%  5.7 KiB
          2..3          48       120       192   62.5%  5.1 KiB
          4..7          77       372       488   76.2%  8.2 KiB

        type config: none
    "#]],
    );
    check(
        "type",
        &["demo.heapsnap", "type", "demo::hir::Call"],
        expect![[r#"
        demo::hir::Call
        struct, 40 bytes, aligned to 8
        src/main.rs:20 (demo 0.1.0)

        150 nodes: shallow 7.0 KiB, retained 68.0 KiB; 0 inline values: 0 B

        Layout
        offset  size  field      type
             0    24  args       Vec<demo::hir::Expr>
            24     8  callee     &demo::Module
            32     4  span       u32
            36     1  kind       u8
            37     3  (padding)

        type config: none
    "#]],
    );
}

#[test]
fn owns() {
    check(
        "owns",
        &["demo.heapsnap", "owns", "checker"],
        expect![[r#"
        owner                alone   in all  shared  nodes
        checker              256 B    256 B     0 B      6
        with checker.module  960 B  1.2 KiB   304 B     13

        type config: none
    "#]],
    );
    check(
        "owns",
        &["demo.heapsnap", "owns", "session"],
        expect![[r#"
        owner       alone    in all  shared  nodes
        session  69.2 KiB  69.3 KiB   112 B    314

        Shared with owners that the walk did not see
        type          handles  met  missing  retained    id
        demo::Table  2 strong    1        1     112 B  #311

        type config: none
    "#]],
    );
    check(
        "owns",
        &["demo.heapsnap", "owns", "Call"],
        expect![[r#"
        owner                           alone    in all  shared  nodes
        demo::hir::Call (150 nodes)  68.0 KiB  68.0 KiB     0 B    300

        type config: none
    "#]],
    );
}

#[test]
fn tree() {
    check(
        "tree",
        &["demo.heapsnap", "tree", "session", "--depth", "2", "--top", "2"],
        expect![[r#"
        place           type                             retained  shallow  edge    id
        session         demo::Session                    69.2 KiB      0 B  root    #0
        ├─ modules      Vec<demo::Module> [2]            69.1 KiB    128 B  own     #1
        │  ├─ [0].body  Vec<demo::hir::Expr> [4]         67.9 KiB    320 B  own     #5
        │  ├─ [1].body  Vec<demo::hir::Expr> [4]            688 B    320 B  own   #305
        │  └─ 6 more                                        352 B
        ├─ names        HashMap<u32, Box<str>> [2 of 3]     160 B    128 B  own   #308
        │  ├─ [value]   Box<[u8]> [15]                       16 B     16 B  own   #309
        │  └─ [value]   Box<[u8]> [15]                       16 B     16 B  own   #310
        └─ 1 more                                           112 B

        type config: none
    "#]],
    );
}

#[test]
fn path() {
    check(
        "path",
        &["demo.heapsnap", "path", "#12"],
        expect![[r#"
        session.modules[0].body[3].Call.0.args[0].Call.0

        Shortest way from a root
        place       type                  edge  retained   id
        session     demo::Session         root  69.2 KiB   #0
        .modules    Vec<demo::Module>     own   69.1 KiB   #1
        [0].body    Vec<demo::hir::Expr>  own   67.9 KiB   #5
        [3].Call.0  demo::hir::Call       own    1.4 KiB  #10
        .args       Vec<demo::hir::Expr>  own    1.4 KiB  #11
        [0].Call.0  demo::hir::Call       own    1.1 KiB  #12

        What it cannot live without
        place       type                  edge  retained   id
        session     demo::Session         root  69.2 KiB   #0
        .modules    Vec<demo::Module>     own   69.1 KiB   #1
        [0].body    Vec<demo::hir::Expr>  own   67.9 KiB   #5
        [3].Call.0  demo::hir::Call       own    1.4 KiB  #10
        .args       Vec<demo::hir::Expr>  own    1.4 KiB  #11
        [0].Call.0  demo::hir::Call       own    1.1 KiB  #12

        type config: none
    "#]],
    );
}

#[test]
fn ledger() {
    check(
        "ledger",
        &["demo.heapsnap", "ledger"],
        expect![[r#"
            the ledger closes: 322 blocks, 71 824 bytes, each in one class, and the allocator says the same
            nobody claims 5 blocks, 0.8% of the program's bytes
            1 blocks (48 B) hold no value any more: 1 weak handles keep them

            class           blocks     bytes         exactly
            claimed twice        0       0 B   0.0%        0
            multiply held        2      96 B   0.1%       96
            claimed once       314  69.4 KiB  99.0%   71 104
            claimed raw          0       0 B   0.0%        0
            weak-pinned          1      48 B   0.1%       48
            unclaimed            5     576 B   0.8%      576
            population         322  70.1 KiB          71 824
            allocator says          70.1 KiB          71 824

            by what is known  blocks     bytes
            typed                316  69.5 KiB  99.1%
            opaque                 0       0 B   0.0%
            raw                    0       0 B   0.0%
            weak-pinned            1      48 B   0.1%
            unclaimed              5     576 B   0.8%

            beside it                      blocks    bytes
            born during the checkpoint          0      0 B
            freed during the checkpoint         0      0 B
            the tool's own                      1  4.0 KiB
            freed, from before tracking         0      0 B
            reached, of another allocator       0      0 B

            held from outside  blocks  bytes
            outside owner           1   48 B  0.1%
            maybe outside           0    0 B  0.0%

            of its bytes           bytes
            payload             15.3 KiB   21.8%
            padding                458 B    0.6%
            dead variant space  27.1 KiB   38.7%
            container overhead      52 B    0.1%
            spare capacity      19.2 KiB   27.4%
            rounding             7.4 KiB   10.6%
            untyped                578 B    0.8%
            all                 70.1 KiB  100.0%

            Unclaimed
            size class  blocks  bytes  sizes  most ask for     for example
                   112       4  448 B      4           100  0x7f0000011620
                   128       1  128 B      1           116  0x7f00000117e0

            Kept by weak handles, their values gone
            type         bytes  weak handles  met    id
            demo::Table   48 B             1    1  #319

            type config: none
        "#]],
    );
}

#[test]
fn json_has_the_same_rows() {
    let file = "demo.heapsnap";
    let types = json("json", &[file, "types", "--json", "--top", "2"]);
    assert_eq!(types.as_array().unwrap().len(), 2);
    assert_eq!(types[0]["name"], "Vec<demo::hir::Expr>");
    assert!(types[0]["dead"].as_u64().unwrap() > 0);
    let roots = json("json", &["--json", file, "roots"]);
    assert_eq!(roots[0]["name"], "session");
    let owns = json("json", &["--json", file, "owns", "checker"]);
    assert_eq!(owns["parts"][0], "checker.module");
    assert_eq!(owns["lens"], "own+share");
    assert!(owns["sizes"]["alone"].as_u64() <= owns["with_parts"]["alone"].as_u64());
    let ledger = json("json", &["--json", file, "ledger"]);
    assert_eq!(ledger["closes"], true);
    assert_eq!(ledger["classes"][0]["class"], "claimed-twice");
    let tree = json("json", &["--json", file, "tree", "session", "--depth", "1"]);
    assert_eq!(tree[0]["below"][0]["place"], "modules");
    let path = json("json", &["--json", file, "path", "#12"]);
    assert_eq!(path["steps"][0]["edge"], "root");
    let detail = json("json", &["--json", file, "type", "Expr"]);
    assert_eq!(detail["variants"][1]["name"], "Call");
    let summary = json("json", &["--json", file]);
    assert_eq!(summary["summary"]["header"]["program"], "demo");
    assert_eq!(summary["closes"], true);
}

#[test]
fn errors_name_the_thing_and_the_fix() {
    let file = "demo.heapsnap";
    check_error(
        "errors",
        &[file, "owns", "sesion"],
        expect![[r#"
        inspector-console: no root or type `sesion` in this snapshot: did you mean `session` or `demo::Session`
    "#]],
    );
    check_error(
        "errors",
        &[file, "types", "--sort", "payloda"],
        expect![[r#"
        inspector-console: the type table has no column `payloda`: did you mean `payload`?
    "#]],
    );
    check_error(
        "errors",
        &["demo.heapsnp", "roots"],
        expect![[r#"
        inspector-console: cannot be read: No such file or directory (os error 2); there is demo.heapsnap: demo.heapsnp
    "#]],
    );
    check_error(
        "errors",
        &["--snapshot", "2", file],
        expect![[r#"
        inspector-console: holds 1 snapshots and no number 2: choose 1 to 1: demo.heapsnap
    "#]],
    );
    check_error(
        "errors",
        &["--config", "missing.toml", file],
        expect![[r#"
        inspector-console: type config missing.toml: cannot be read: No such file or directory (os error 2)
    "#]],
    );
    check_error(
        "errors",
        &[file, "tree", "Expr"],
        expect![[r#"
        inspector-console: `Expr` occurs only inside other values and has no node of its own: use `type Expr`
    "#]],
    );
    check_error(
        "errors",
        &[file, "path", "Vec"],
        expect![[r#"
        inspector-console: `Vec` could be several types: use one of `Vec<Box<str>>`, `Vec<demo::Module>`, `Vec<demo::hir::Expr>` or `Vec<u32>`
    "#]],
    );
}

#[test]
fn a_config_is_chosen_and_said() {
    let path = snapshot("config");
    let config = path.with_file_name("mine.toml");
    std::fs::write(&config, "[[rename]]\nmatch = \"demo::*\"\nto = \"*\"\n").unwrap();
    let answer = answer("config", &["--config", "mine.toml", "demo.heapsnap", "types", "--top", "1"]);
    assert!(answer.contains("Vec<hir::Expr>"), "{answer}");
    assert!(answer.ends_with("type config: mine.toml\n"), "{answer}");
}

#[test]
fn the_lens_is_named_where_it_is_not_the_default() {
    let answer = answer("lens", &["--lens", "own+share+borrow", "demo.heapsnap", "roots"]);
    assert!(answer.contains("lens: own+share+borrow\n"), "{answer}");
}

/// Nobody reads on: no message, no failure.
#[test]
fn a_broken_pipe_is_silent() {
    let path = snapshot("pipe");
    let mut child = Command::new(env!("CARGO_BIN_EXE_inspector-console"))
        .arg(&path)
        .args(["tree", "session", "--depth", "50", "--top", "1000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The made-up snapshot with a file of the compiler's beside it.
fn with_type_sizes(name: &str, text: &str) -> PathBuf {
    let path = snapshot(name).with_file_name("sizes.txt");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn missing() {
    check(
        "missing",
        &["demo.heapsnap", "missing"],
        expect![[r#"
        every type that was met has a `Walk`, or its fields say otherwise

        type config: none
    "#]],
    );
    let rows = json("missing", &["demo.heapsnap", "missing", "--json"]);
    assert_eq!(rows["missing"], serde_json::json!([]));
    assert_eq!(rows["is_tracked"], true);
}

#[test]
fn type_sizes_complete_layouts_and_say_what_was_used() {
    with_type_sizes(
        "type-sizes",
        "print-type-size type: `Table`: 32 bytes, alignment: 8 bytes
print-type-size     field `.entries`: 24 bytes
print-type-size     field `.hits`: 8 bytes
print-type-size type: `Module`: 72 bytes, alignment: 8 bytes
print-type-size     field `.name`: twelve bytes
",
    );
    let args = ["demo.heapsnap", "--type-sizes", "sizes.txt", "type", "demo::Table"];
    check(
        "type-sizes",
        &args,
        expect![[r#"
        demo::Table
        struct, 32 bytes, aligned to 8
        src/main.rs:40 (demo 0.1.0)

        2 nodes: shallow 96 B, retained 416 B; 0 inline values: 0 B

        Layout
        offset  size  field    type
             0    24  entries  Vec<u32>
            24     8  hits     u64

        type config: none
        type sizes: 1 of 2 printed types found; 0 variants got offsets, 0 types fields, 0 a size
        not used: 0 types whose names may mean another, 1 of another layout than printed
        sizes.txt: line 5: cannot be read: print-type-size     field `.name`: twelve bytes
    "#]],
    );
    let output = run("type-sizes", &["demo.heapsnap", "--type-sizes", "sizes.txt", "types", "--json"]);
    assert!(serde_json::from_slice::<serde_json::Value>(&output.stdout).is_ok());
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("type sizes: 1 of 2 printed types found"));
}

#[test]
fn type_sizes_that_are_none() {
    with_type_sizes("no-type-sizes", "warning: unused variable\n");
    check_error(
        "no-type-sizes",
        &["demo.heapsnap", "--type-sizes", "sizes.txt"],
        expect![[r#"
        inspector-console: holds no type sizes: write the output of `RUSTC_BOOTSTRAP=1 cargo rustc -- -Zprint-type-sizes` into it: sizes.txt
    "#]],
    );
    check_error(
        "no-type-sizes",
        &["demo.heapsnap", "--type-sizes", "no.txt"],
        expect![[r#"
        inspector-console: type sizes cannot be read: No such file or directory (os error 2): no.txt
    "#]],
    );
}

#[test]
fn the_compilers_own_heap() {
    let ask = |args: &[&str]| {
        let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../rustc-config/sample/rustc.heapsnap");
        let output = Command::new(env!("CARGO_BIN_EXE_inspector-console"))
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .arg(sample)
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let has = |args: &[&str], texts: &[&str]| {
        let said = ask(args);
        for text in texts {
            assert!(said.contains(text), "{args:?} says {text}:\n{said}");
        }
    };
    has(
        &["summary"],
        &["rustc-main at checkpoint after_borrowck", "the ledger closes", "keys of mir::Local"],
    );
    has(&["owns", "mbcx"], &["with its 10 parts", "Parts: mbcx.regioncx", "mbcx.promoted"]);
    has(
        &["types", "--top", "60"],
        &["Vec<mir::Statement>", "Vec<borrowck::constraints::OutlivesConstraint>"],
    );
    has(&["type", "mir::StatementKind"], &["enum, 16 bytes", "StorageLive", "BackwardIncompatibleDropHint"]);
    has(&["tree", "mbcx.regioncx"], &["scc_values.location_map", "share, 2 holders", "Vec<mir::BasicBlock>"]);
    has(&["ledger"], &["claimed raw", "Unclaimed", "the allocator says the same"]);
    has(&["missing"], &["type without a `Walk`"]);
}

#[test]
fn without_stacks_that_is_said() {
    check(
        "no-stacks",
        &["demo.heapsnap", "stacks"],
        expect![[r#"
        problem: the program took no stacks: run it with HEAP_TRACK=stacks

        type config: none
    "#]],
    );
    check(
        "no-stacks-unclaimed",
        &["demo.heapsnap", "unclaimed", "--by", "stack"],
        expect![[r#"
        problem: the program took no stacks: run it with HEAP_TRACK=stacks

        type config: none
    "#]],
    );
    check(
        "unclaimed",
        &["demo.heapsnap", "unclaimed"],
        expect![[r#"
            size class  blocks  bytes  sizes  most ask for     for example
                   112       4  448 B      4           100  0x7f0000011620
                   128       1  128 B      1           116  0x7f00000117e0

            type config: none
        "#]],
    );
    assert!(json("stacks-json", &["--json", "demo.heapsnap", "stacks"])["rows"].is_array());
}

#[test]
fn memory() {
    check(
        "memory",
        &["demo.heapsnap", "memory"],
        expect![[r#"
        memory                    bytes       less  exactly  by
        resident                    0 B                   0  allocator
          counted differently            -76.0 KiB   -77824
        active                 76.0 KiB              77 824  allocator
          counted differently             +1.9 KiB     1904
        allocated              74.1 KiB              75 920  allocator
          the tool's own                   4.0 KiB    4 096
        live blocks            70.1 KiB              71 824  table of blocks
        population             70.1 KiB              71 824  table of blocks
          rounding                         7.4 KiB    7 588
        requested              62.7 KiB              64 236  table of blocks
          padding                            458 B      458
          dead variant space              27.1 KiB   27 780
          container overhead                  52 B       52
          spare capacity                  19.2 KiB   19 687
          untyped                            578 B      578
        payload                15.3 KiB              15 681  walk

        address space of the allocator: 2.0 MiB mapped, 0 B kept without memory behind it

        type config: none
    "#]],
    );
}

#[test]
fn classes_and_pages() {
    // The demo's allocator does not count its slabs.
    check(
        "classes",
        &["demo.heapsnap", "classes", "--top", "2"],
        expect![[r#"

            A few bytes less, and blocks drop into the next class
            type                  blocks  requested  class  less  drops to    saves
            Vec<demo::hir::Expr>     107        288    320    32       256  6.7 KiB
            Vec<demo::hir::Expr>      45        576    640    64       512  5.6 KiB
            17 more: `--top 0` shows all
            problem: no slabs and pages: blocks do not lie as jemalloc lays them

            type config: none
        "#]],
    );
    check(
        "pages",
        &["demo.heapsnap", "pages", "--top", "3"],
        expect![[r#"
            problem: no slabs and pages: blocks do not lie as jemalloc lays them

            type config: none
        "#]],
    );
    let pages = json("pages-json", &["demo.heapsnap", "pages", "--json"]);
    assert_eq!(pages["is_estimate"], true);
    let classes = json("classes-json", &["demo.heapsnap", "classes", "--json"]);
    assert_eq!(classes["classes"], pages["classes"]);
}

#[test]
fn unclaimed_by_holder() {
    // The demo's program did not search.
    check(
        "holder",
        &["demo.heapsnap", "unclaimed", "--by", "holder"],
        expect![[r#"
        problem: nobody searched for pointers to unclaimed blocks: the snapshot is of before format 2.3, or HEAP_WALK_HOLDERS=off

        type config: none
    "#]],
    );
    let unclaimed = json("holder-json", &["demo.heapsnap", "unclaimed", "--by", "holder", "--json"]);
    assert_eq!(unclaimed["rows"].as_array().map(Vec::len), Some(0));
}

#if HDF5
  import Foundation
  import TestSupport
  import Testing
  import Weighbridge

  /// A plug-in of libhdf5's that crashes, loops or swells: the command gives it a process with limits,
  /// says one line, and goes on.
  @Suite struct HDF5PluginTests {
    /// The layout of `H5Z_class2_t` by hand, so that no header is needed.
    private static let source = """
      #include <stdlib.h>
      #include <string.h>
      #include <unistd.h>
      static size_t run(
          unsigned flags, size_t count, const unsigned *values, size_t bytes, size_t *size,
          void **data) {
        const char *what = getenv("WEIGHBRIDGE_PLUGIN");
        if (!strcmp(what, "crash")) *(volatile int *)0 = 1;
        if (!strcmp(what, "abort")) abort();
        if (!strcmp(what, "exit")) _exit(0);
        if (!strcmp(what, "refuse")) return 0;
        while (!strcmp(what, "loop")) {}
        if (!strcmp(what, "swell")) {
          for (int i = 0; i < 3000; i++) {
            char *part = malloc(1 << 20);
            if (!part) return 0;
            memset(part, 1, 1 << 20);
          }
        }
        return bytes;
      }
      static const struct {
        int version, id;
        unsigned encoder, decoder;
        const char *name;
        void *can_apply, *set_local;
        size_t (*run)(unsigned, size_t, const unsigned *, size_t, size_t *, void **);
      } filter = {1, 300, 1, 1, "test", 0, 0, run};
      int H5PLget_plugin_type(void) { return 0; }
      const void *H5PLget_plugin_info(void) { return &filter; }
      """

    /// A file whose filter `shuffle` has become number 300, and the plug-in's folder.
    private func prepared(_ space: Workspace) throws -> (file: String, plugins: String) {
      let plugins = space.path("plugins")
      try FileManager.default.createDirectory(
        atPath: plugins, withIntermediateDirectories: false)
      let source = try space.text("plugin.c", Self.source)
      let compiler = Process()
      compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      compiler.arguments = ["clang", "-shared", "-fPIC", "-o", plugins + "/libtest.so", source]
      try compiler.run()
      compiler.waitUntilExit()
      try #require(compiler.terminationStatus == 0)
      var bytes = [UInt8](
        try Data(contentsOf: URL(fileURLWithPath: Repository.fixture("formats/shuffle.h5"))))
      // Filter 2, a name of 8 bytes, optional, one value.
      let shuffle: [UInt8] = [2, 0, 8, 0, 1, 0, 1, 0] + Array("shuffle\0".utf8)
      for place in bytes.indices where bytes[place...].starts(with: shuffle) {
        bytes.replaceSubrange(place..<(place + 2), with: [0x2c, 0x01])  // 300
      }
      try Data(bytes).write(to: URL(fileURLWithPath: space.path("filtered.h5")))
      return (space.path("filtered.h5"), plugins)
    }

    @Test(arguments: [
      ("crash", "crashed (signal 11)"), ("abort", "crashed (signal 6)"),
      ("exit", "ended with status 0"), ("loop", "took too long and was ended"),
      ("swell", "a chunk cannot be decoded"), ("refuse", "a chunk cannot be decoded"),
    ])
    func whatFailsIsOneLine(_ what: String, _ says: String) throws {
      let space = try Workspace()
      let (file, plugins) = try prepared(space)
      let run = try CommandRun(
        "convert", file, space.path("o.npz"), "--model", "none",
        environment: ["HDF5_PLUGIN_PATH": plugins, "WEIGHBRIDGE_PLUGIN": what])
      #expect(run.status == 3)
      #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)")
      #expect(run.errors.contains("filtered.h5") && run.errors.contains(says), "\(run.errors)")
      #expect(space.contents == ["filtered.h5", "plugin.c", "plugins"])
    }

    /// Shuffled bytes of one are as they were: what the plug-in leaves alone is read.
    @Test func whatWorksIsRead() throws {
      let space = try Workspace()
      let (file, plugins) = try prepared(space)
      let run = try CommandRun(
        "inspect", file, "--stats", "--json",
        environment: ["HDF5_PLUGIN_PATH": plugins, "WEIGHBRIDGE_PLUGIN": ""])
      #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
      let tensors = try #require(try json(run)["tensors"] as? [[String: Any]])
      let bytes = try #require(tensors.first { $0["name"] as? String == "bytes" })
      #expect(bytes["max"] as? Double == 8 && bytes["mean"] as? Double == 4)
    }

    @Test func withoutThePluginTheFilterIsNamed() throws {
      let space = try Workspace()
      let (file, _) = try prepared(space)
      let run = try CommandRun("inspect", file)
      #expect(run.status == 3)
      #expect(run.errors.contains("is encoded by filter 300 (shuffle), which is not known here"))
    }

    /// szip is libhdf5's, too.
    @Test func szipIsRead() throws {
      let space = try Workspace()
      let path = Repository.fixture("formats/szip.h5")
      let run = try CommandRun("convert", path, space.path("o.npz"), "--model", "none")
      #expect(run.status == 0, "\(run.errors)")
      let (before, after) = (try Checkpoints.open(path), try Checkpoints.open(space.path("o.npz")))
      #expect(!before.entries.isEmpty)
      for entry in before.entries {
        let (a, b) = (try before.tensor(entry.name), try after.tensor(entry.name))
        #expect(try a.elements(as: Double.self) == b.elements(as: Double.self))
      }
    }
  }
#endif

import Testing
import WeighbridgeTensors

@testable import WeighbridgeCheckpoints

@Suite("What a pickle keeps of its tensors")
struct PickleTensorTests {
  /// A storage of four floats, in protocol 0.
  private static let storage = "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\ntQ"
  private static let hooks = "ccollections\nOrderedDict\n)R"

  /// A call that makes a tensor, of these opcodes for shape and strides.
  private static func tensor(shape: String = "(I4\nt", strides: String = "(I1\nt") -> String {
    "ctorch._utils\n_rebuild_tensor_v2\n(\(storage)I0\n\(shape)\(strides)I00\n\(hooks)tR"
  }

  private static func run(_ text: String) throws -> (heap: PickleHeap, value: PickleValue) {
    try Array(text.utf8).withUnsafeBytes {
      var machine = PickleMachine($0)
      let (value, _) = try machine.run()
      return (machine.heap, value)
    }
  }

  private static func shapes(_ text: String) throws -> [String: [Int]] {
    let (heap, value) = try run(text)
    let walk = try TorchWalk(value, in: heap, byteCount: text.utf8.count).findings
    #expect(walk.skipped.isEmpty)
    let found = walk.tensors.compactMap { name, tensor -> (String, [Int])? in
      guard case .view(let id, .float32, let shape, _, 0) = tensor, id.key == "0" else {
        return nil
      }
      return (name, Array(shape))
    }
    return Dictionary(found) { first, _ in first }
  }

  /// One node a tensor, and the dictionary: of what describes a tensor nothing stays, and of what is
  /// kept by key and never asked for neither.
  @Test func aTensorIsOneNode() throws {
    let members = (0..<1000).map { index in
      "S'w\(index)'\np\(2 * index)\n\(Self.tensor())p\(2 * index + 1)\ns"
    }
    let text = "}" + members.joined() + "."
    #expect(try Self.run(text).heap.nodes.count == 1001)
    #expect(try Self.shapes(text).count == 1000)
    let parameter =
      "}S'w'\nctorch._utils\n_rebuild_parameter\n(\(Self.tensor())I01\n\(Self.hooks)tRs."
    #expect(try Self.run(parameter).heap.nodes.count == 2)
    #expect(try Self.shapes(parameter) == ["w": [4]])
  }

  /// A shape that two tensors name, by key or twice on the stack, stays what it is for both.
  @Test func whatIsSharedStays() throws {
    let first = Self.tensor(shape: "(I4\ntp5\n"), second = Self.tensor(shape: "g5\n")
    #expect(try Self.shapes("}S'a'\n\(first)sS'b'\n\(second)s.") == ["a": [4], "b": [4]])
    let twice = Self.tensor(shape: "(I1\nt2", strides: "")
    #expect(try Self.shapes("}S'a'\n\(twice)s.") == ["a": [1]])
    let tied = "}S'a'\n\(Self.tensor())p0\nsS'b'\ng0\ns."
    #expect(try Self.shapes(tied) == ["a": [4], "b": [4]])
  }

  /// A list from before the call, to which something is appended in the middle of it, keeps that.
  @Test func anotherOwnerKeepsItsItems() throws {
    let between = "g0\n(I9\nta0(I4\nt"
    let text = "}S'list'\n]p0\nsS'a'\n\(Self.tensor(shape: between))sS'b'\n\(Self.tensor())s."
    let (heap, value) = try Self.run(text)
    let list = try #require(heap.member("list", of: value).flatMap(heap.sequence))
    #expect(list.count == 1 && heap.sequence(list[0])?.first?.integer == 9)
    #expect(try Self.shapes(text) == ["a": [4], "b": [4]])
  }

  /// Arguments that make no tensor are kept, so that the reason can be said.
  @Test func whatMakesNoTensorIsSaid() throws {
    let text = "}S'a'\n\(Self.tensor(strides: "(t"))s."
    let (heap, value) = try Self.run(text)
    let walk = try TorchWalk(value, in: heap, byteCount: text.utf8.count).findings
    #expect(walk.tensors.isEmpty && walk.skipped.map(\.name) == ["a"])
  }

  /// Values kept by key and by order at once, as no pickler does, have the keys that Python gives them:
  /// by order, it is how many are kept.
  @Test func keysAreCountedAsPythonCounts() throws {
    let bytes =
      Array("I1\np7\n0I2\np7\n0I3\n".utf8) + [0x94] + Array("0I4\n".utf8) + [0x94]
      + Array("0(g7\ng1\ng2\nt.".utf8)
    let values = try bytes.withUnsafeBytes { buffer in
      var machine = PickleMachine(buffer)
      let (value, _) = try machine.run()
      return machine.heap.sequence(value)?.map(\.integer)
    }
    #expect(values == [2, 3, 4])
  }
}

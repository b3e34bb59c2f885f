import Foundation
import Testing

@testable import WeighbridgeNetwork

/// A text that breaks the format is one line that says where.
struct NetworkReaderTests {
  /// A network of two modules, in its parts.
  static let sound = """
    {"format":"weighbridge-network","version":1,"framework":"torch 2","arguments":[{"input":0}],
    "modules":[{"path":"","class":"net.Net","attributes":{"scale":2},"calls":[1]},
    {"path":"fc","class":"torch.nn.modules.linear.Linear","parameters":
    {"weight":{"shape":[2,3],"dtype":"float32"}},"calls":[0]},{"path":"again","same_as":"fc"}],
    "programs":[{"class":"Linear","file":"linear.py","line":1,"inputs":[{"name":"input"}],"body":[
    {"call":"linear","arguments":{"input":{"value":0},"weight":{"tensor":"weight"},"bias":null}}],
    "returns":{"value":1}},
    {"class":"Net","file":"net.py","line":4,"inputs":[{"name":"x"}],"body":[
    {"module":"fc","arguments":{"input":{"value":0}},"line":5},
    {"call":"mul","arguments":{"input":{"value":1},"other":{"attribute":"scale"}},"line":6}],
    "returns":{"value":2},"guards":[{"compare":"gt","of":[{"size":[{"value":0},1]},2],"is":true}]}],
    "constants":[],"variations":[],"limits":[]}
    """

  static func read(_ text: String) throws -> Network {
    var text = text
    return try text.withUTF8 {
      try Network(json: UnsafeRawBufferPointer($0)) { _ in
        try Tensor(repeating: 0 as Float, shape: [2])
      }
    }
  }

  @Test func aSoundTextIsRead() throws {
    let network = try Self.read(Self.sound)
    #expect(network.className == "Net")
    #expect(network.nodes.map(\.path) == ["", "fc", "again"])
    #expect(network.call.children.compactMap { $0?.node } == [1])
    #expect(network.limits.isEmpty)
  }

  /// What is replaced, what stands in its place, and what is said of it.
  static let damages: [(String, String, String)] = [
    ("weighbridge-network", "other", "its format is not weighbridge-network"),
    ("\"version\":1", "\"version\":2", "is of version 2; this reads 1"),
    ("\"version\":1", "\"version\":\"1\"", "it has no version"),
    ("\"limits\":[]", "\"limits\":{}", "limits is no list"),
    (
      "\"limits\":[]", "\"limits\":[{\"kind\":\"x\",\"module\":\"\",\"text\":\"\"}]",
      "no known kind"
    ),
    ("\"calls\":[1]", "\"calls\":[2]", "'' calls program 2 of 2"),
    ("\"calls\":[1]", "\"calls\":[1,1]", "'' is called 1 times and has 2 calls"),
    ("\"calls\":[1]", "\"calls\":[]", "'' is called more often than its 0 calls"),
    ("\"calls\":[0]", "\"calls\":[-1]", "calls's item is no count"),
    ("\"path\":\"fc\"", "\"path\":\"a.fc\"", "'a.fc' comes before 'a'"),
    (
      "\"path\":\"again\",\"same_as\":\"fc\"",
      "\"path\":\"fc\",\"class\":\"C\",\"calls\":[]", "there are two modules 'fc'"
    ),
    ("\"same_as\":\"fc\"", "\"same_as\":\"later\"", "which does not precede it"),
    ("\"same_as\":\"fc\"", "\"same_as\":\"again\"", "which does not precede it"),
    ("\"path\":\"\"", "\"path\":\"root\"", "comes before ''"),
    ("\"module\":\"fc\"", "\"module\":\"fd\"", "it calls 'fd', which is not there"),
    ("\"module\":\"fc\"", "\"module\":\"\"", "'' is called more often than its 1 calls"),
    ("{\"tensor\":\"weight\"}", "{\"tensor\":\"w\"}", "'fc' has no tensor w"),
    ("{\"tensor\":\"weight\"}", "{\"tensor\":\"w\",\"from\":\"root\"}", "'' has no tensor w"),
    ("{\"tensor\":\"weight\"}", "{\"tensor\":3}", "tensor is no text"),
    ("{\"tensor\":\"weight\"}", "{\"constant\":0}", "there is no constant 0"),
    ("{\"attribute\":\"scale\"}", "{\"attribute\":\"size\"}", "'' has no attribute size"),
    ("{\"attribute\":\"scale\"}", "{\"value\":2}", "value 2 is used where 2 are known"),
    ("{\"attribute\":\"scale\"}", "{\"what\":2}", "what is no text"),
    ("{\"attribute\":\"scale\"}", "{\"value\":1,\"size\":[]}", "an operand says value, size"),
    ("{\"attribute\":\"scale\"}", "{\"op\":\"add\",\"of\":[1]}", "add takes 2 numbers"),
    ("{\"attribute\":\"scale\"}", "{\"op\":\"xor\",\"of\":[1,2]}", "there is no such operation"),
    ("{\"attribute\":\"scale\"}", "{\"value\":0,\"of\":[]}", "only operations are of something"),
    ("{\"attribute\":\"scale\"}", "{\"float\":\"one\"}", "a float is inf, -inf or nan"),
    ("{\"attribute\":\"scale\"}", "{\"slice\":[1]}", "a slice has three parts"),
    ("{\"attribute\":\"scale\"}", "{\"item\":[1,-1]}", "an item's key is no count"),
    ("\"call\":\"mul\"", "\"call\":\"mull\"", "there is no function mull"),
    (",\"bias\":null", "", "linear takes input, weight, bias and is given input, weight"),
    ("\"bias\":null", "\"bios\":null", "and is given input, weight, bios"),
    ("\"line\":6", "\"line\":6,\"more\":1", "it has a member more"),
    ("\"inputs\":[{\"name\":\"input\"}]", "\"inputs\":[]", "value 0 is used where 0 are known"),
    (
      "\"inputs\":[{\"name\":\"x\"}]", "\"inputs\":[{\"name\":\"x\"},{\"name\":\"y\"}]",
      "'' takes 2 arguments and is given 1"
    ),
    ("\"compare\":\"gt\"", "\"compare\":\"in\"", "a guard is no comparison of two"),
    ("\"is\":true", "\"is\":1", "a guard is no comparison of two"),
    ("\"shape\":[2,3]", "\"shape\":[2,-3]", "is no count"),
    ("\"shape\":[2,3]", "\"shape\":[4611686018427387904,3]", "larger than any memory"),
    (
      "\"constants\":[]", "\"constants\":[{\"shape\":[3],\"dtype\":\"float32\"}]",
      "it has the shape [2] and not [3]"
    ),
    (
      "\"constants\":[]", "\"constants\":[{\"shape\":[2],\"dtype\":\"complex\"}]",
      "its dtype complex is not known"
    ),
    ("\"returns\":{\"value\":2}", "\"returns\":{\"value\":9}", "value 9 is used where 3 are known"),
    ("{\"input\":0}", "{\"output\":0}", "it says output"),
  ]

  @Test(arguments: damages)
  func damageIsNamed(_ old: String, _ new: String, _ message: String) throws {
    #expect(Self.sound.contains(old))
    let error = try failure {
      try Self.read(Self.sound.replacing(old, with: new, maxReplacements: 1))
    }
    #expect(error.message.contains(message), "\(error)")
    #expect(error.entry == "network")
    #expect(!error.description.contains("\n"))
  }

  @Test("cutting the text anywhere is an error, never a trap")
  func everyPrefix() throws {
    let bytes = Array(Self.sound.utf8)
    for count in bytes.indices {
      _ = try failure { try Self.read(String(decoding: bytes[..<count], as: UTF8.self)) }
    }
  }

  @Test("changing any byte is an error or another network, never a trap")
  func everyByte() {
    let bytes = Array(Self.sound.utf8)
    for index in bytes.indices {
      for replacement in [UInt8(ascii: "0"), UInt8(ascii: "\""), UInt8(ascii: "{")] {
        var changed = bytes
        changed[index] = replacement
        _ = try? Self.read(String(decoding: changed, as: UTF8.self))
      }
    }
  }

  @Test func aTextLargerThanAnyNetworksIsRefusedUnread() throws {
    let name = String(repeating: "x", count: 100 << 20)
    let long = try failure { try Self.read(Self.sound.replacing("net.Net", with: name)) }
    #expect(long.message.contains("the limit is 33554432"))
    let many = String(repeating: "0,", count: 2_000_000)
    let full = try failure {
      try Self.read(Self.sound.replacing("\"scale\":2", with: "\"scale\":[\(many)0]"))
    }
    #expect(full.message.contains("more than 2000000 values"))
    let named = String(repeating: "x", count: 3000)
    let wide = try failure { try Self.read(Self.sound.replacing("net.Net", with: named)) }
    #expect(wide.message.contains("a name has 3000 bytes"))
    #expect(wide.description.utf8.count < 1000)
  }

  @Test func operandsAndCallsAreNotNestedWithoutEnd() throws {
    let deep = String(repeating: "[", count: 80) + String(repeating: "]", count: 80)
    let error = try failure {
      try Self.read(Self.sound.replacing("{\"attribute\":\"scale\"}", with: deep))
    }
    #expect(error.message.contains("operands are nested deeper than 64"))
    let far = String(repeating: "[", count: 300) + String(repeating: "]", count: 300)
    _ = try failure {
      try Self.read(Self.sound.replacing("{\"attribute\":\"scale\"}", with: far))
    }
  }

  @Test("a chain of modules in each other, and a program that many calls run, are bounded")
  func manyCalls() throws {
    func network(depth: Int, body: Int) -> String {
      let modules = (0..<depth).map { level in
        let path = (0..<level).map { _ in "a" }.joined(separator: ".")
        return "{\"path\":\"\(path)\",\"class\":\"C\",\"calls\":[\(level == depth - 1 ? 1 : 0)]}"
      }
      let sums = (0..<body).map { _ in
        "{\"call\":\"neg\",\"arguments\":{\"input\":{\"value\":0}}}"
      }
      let program = "\"class\":\"C\",\"inputs\":[{\"name\":\"x\"}],\"returns\":{\"value\":0}"
      let call = "{\"module\":\"a\",\"arguments\":{\"x\":{\"value\":0}}}"
      return "{\"format\":\"weighbridge-network\",\"version\":1,\"arguments\":[{\"input\":0}],"
        + "\"modules\":[\(modules.joined(separator: ","))],\"programs\":[{\(program),\"body\":["
        + ([call] + sums).joined(separator: ",") + "]},{\(program),\"body\":[]}],"
        + "\"constants\":[],\"limits\":[]}"
    }
    #expect(try Self.read(network(depth: 150, body: 10)).nodes.count == 150)
    let deep = try failure { try Self.read(network(depth: 400, body: 0)) }
    #expect(deep.message.contains("calls are nested deeper than 200"))
    let large = try failure { try Self.read(network(depth: 190, body: 40_000)) }
    #expect(large.message.contains("more than 5000000 steps"))
  }
}

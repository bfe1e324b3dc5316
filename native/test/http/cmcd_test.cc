// What players say of their playback, by the query and by fields, and what is no such thing.
#include "http/cmcd.h"

#include <doctest/doctest.h>

#include <string>

namespace sealgate {
namespace {

std::string as_it_is(std::string_view text) { return std::string(text); }

std::string read(const std::string& target, const std::string& head = "") {
  Cmcd said;
  if (!said.read(target, head)) return "nothing";
  return said.text(as_it_is) + (said.malformed() ? " malformed" : "");
}
std::string of(const std::string& value) { return read("/", "CMCD-Request: " + value + "\r\n"); }

TEST_CASE("the argument of a query is decoded, wherever it stands") {
  CHECK_EQ(read("/a?CMCD=br%3D3200%2Cbs%2Csid%3D%226e2fb550%22&x=1"),
           R"({"br":3200,"bs":true,"sid":"6e2fb550"})");
  CHECK_EQ(read("/a?x=CMCD=1&CMCD=ot%3dv"), R"({"ot":"v"})");
  CHECK_EQ(read("/a?CMCD=br=1,su"), R"({"br":1,"su":true})");
}

TEST_CASE("the four fields are read together, in any case, and with the query") {
  const std::string head =
      "Host: a\r\ncmcd-object: br=3200,d=4004,ot=v,tb=6000\r\nCMCD-Request: bl=21300, mtp=48100\r\n"
      "CMCD-Status: bs\r\nCMCD-Session: cid=\"faec-\\\"1\\\"\",sf=h\r\nCMCD-Other: x=1\r\n";
  CHECK_EQ(read("/a?CMCD=su", head),
           R"({"su":true,"br":3200,"d":4004,"ot":"v","tb":6000,"bl":21300,"mtp":48100,"bs":true,)"
           R"("cid":"faec-\"1\"","sf":"h"})");
}

TEST_CASE("a request without it says nothing") {
  CHECK_EQ(read("/a"), "nothing");
  CHECK_EQ(read("/a?CMCD&cmcd=br%3D1&XCMCD=1", "CMCD: br=1\r\nX-CMCD-Object: br=1\r\ncmcd-\r\n"), "nothing");
}

TEST_CASE("lists, parameters, decimals and keys of one's own, as version 2 has them, are kept as they are") {
  CHECK_EQ(of("v=2,bl=(21300;v 20000;a),pr=1.08,com.example-x=y,br=5000;v"),
           R"_({"v":2,"bl":"(21300;v 20000;a)","pr":1.08,"com.example-x":"y","br":"5000;v"})_");
  CHECK_EQ(of(R"_(nor="a,b",url=("x)," y),bs=?0,su=?1)_"),
           R"_({"nor":"a,b","url":"(\"x),\" y)","bs":false,"su":true})_");
}

TEST_CASE("what is no number in JSON is text") {
  CHECK_EQ(of("a=007,b=-1,c=1.,d=1.2345,e=1e5,f=1234567890123456,g=-,h=+1"),
           R"({"a":"007","b":-1,"c":"1.","d":"1.2345","e":"1e5","f":"1234567890123456","g":"-","h":"+1"})");
}

TEST_CASE("what cannot be read is said to be malformed, and what came before it counts") {
  CHECK_EQ(of("br=1,sid=\"x"), R"({"br":1} malformed)");
  CHECK_EQ(of("br=1,bl=(1"), R"({"br":1} malformed)");
  CHECK_EQ(of("br=1,bl=1)"), R"({"br":1} malformed)");
  CHECK_EQ(of("br=1,"), R"({"br":1} malformed)");
  CHECK_EQ(of("br=1,,bs"), R"({"br":1} malformed)");
  CHECK_EQ(of("br=1,br=2"), R"({"br":1} malformed)");
  CHECK_EQ(of("br=,bs"), "{} malformed");
  CHECK_EQ(of("\"br\""), "{} malformed");
  CHECK_EQ(of(""), "{} malformed");
  CHECK_EQ(read("/a?CMCD="), "{} malformed");
  CHECK_EQ(read("/a?CMCD=br%3D1%2"), "{} malformed");
  CHECK_EQ(read("/a?CMCD=br%3D1%zz"), "{} malformed");
}

TEST_CASE("a line break or quote that was encoded is escaped") {
  CHECK_EQ(read("/a?CMCD=sid%3D%22a%0a%5c%22b%22"), R"({"sid":"a\u000a\"b"})");
}

TEST_CASE("what is said has limits: bytes, keys, the length of a key, and that of a value that is told") {
  CHECK_EQ(of("sid=\"" + std::string(Cmcd::kMostBytes, 'x') + "\""), "{} malformed");
  CHECK_EQ(read("/a?CMCD=" + std::string(3 * Cmcd::kMostBytes + 1, 'x')), "{} malformed");
  CHECK_EQ(of(std::string(Cmcd::kMostKeyBytes + 1, 'k')), "{} malformed");
  CHECK_EQ(of("sid=\"" + std::string(2 * Cmcd::kMostValueBytes, 'x') + "\""),
           "{\"sid\":\"" + std::string(Cmcd::kMostValueBytes, 'x') + "\"}");
  std::string many = "k0";
  for (size_t i = 1; i <= Cmcd::kMostKeys; i++) many += ",k" + std::to_string(i);
  Cmcd said;
  CHECK(said.read("/", "CMCD-Object: " + many + "\r\n"));
  CHECK(said.malformed());
  CHECK(said.is_true("k" + std::to_string(Cmcd::kMostKeys - 1)));
  CHECK_FALSE(said.is_true("k" + std::to_string(Cmcd::kMostKeys)));
}

TEST_CASE("numbers are those of a key, or the first of its list") {
  Cmcd said;
  CHECK(
      said.read("/", "CMCD-Request: bl=2100,mtp=(900;v 800),br=5000;v,x=1234567890123456,ot=v,bs,su=?0\r\n"));
  CHECK_EQ(said.number("bl").value_or(0), 2100);
  CHECK_EQ(said.number("mtp").value_or(0), 900);
  CHECK_EQ(said.number("br").value_or(0), 5000);
  CHECK_FALSE(said.number("x").has_value());
  CHECK_FALSE(said.number("ot").has_value());
  CHECK_FALSE(said.number("bs").has_value());
  CHECK(said.is_true("bs"));
  CHECK_FALSE(said.is_true("su"));
  CHECK_EQ(said.value("ot"), "v");
}

TEST_CASE("a target without the argument keeps all others") {
  CHECK_EQ(without_cmcd("/a?CMCD=br%3D1"), "/a");
  CHECK_EQ(without_cmcd("/a?x=1&CMCD=br%3D1&y"), "/a?x=1&y");
  CHECK_EQ(without_cmcd("/a?CMCD=1&x=CMCD=1"), "/a?x=CMCD=1");
  CHECK_EQ(without_cmcd("/a"), "/a");
}

}  // namespace
}  // namespace sealgate

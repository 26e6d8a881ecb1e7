set -e
apt-get update -qq >/dev/null; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends clang libclang-rt-14-dev g++ >/dev/null 2>&1
echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' > /tmp/f.cpp
clang++ -fsanitize=fuzzer,address,undefined /tmp/f.cpp -o /tmp/f && /tmp/f -runs=10 2>&1 | tail -1

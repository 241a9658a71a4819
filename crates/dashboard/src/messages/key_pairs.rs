//! Words of key pairs.

use super::messages;

messages! {
    keypair_word = "key pairs", "키 페어";
    keypair_lead = "A key pair lets you log in to servers without a password: they get the public half, you keep the private one.", "키 페어로 비밀번호 없이 서버에 로그인합니다. 서버에는 공개 키가 들어가고 개인 키는 본인이 보관합니다.";
    keypair_empty = "You have no key pair yet", "아직 키 페어가 없습니다";
    keypair_empty_text = "Make one here and keep the file you get, or import the public key that you already use.", "여기서 만들어 받은 파일을 보관하거나, 이미 쓰는 공개 키를 가져오세요.";
    keypair_new = "Create key pair", "키 페어 만들기";
    keypair_new_lead = "The private key is shown once and not kept by the cloud: save it when it appears.", "개인 키는 한 번만 보이고 클라우드에 남지 않습니다. 보일 때 저장하세요.";
    keypair_name = "Name of the key pair", "키 페어 이름";
    keypair_name_hint = "Letters, digits, spaces, _ and -", "영문자, 숫자, 공백, _, -";
    keypair_kind = "Type", "유형";
    keypair_kind_hint = "SSH is for Linux and most others, X.509 for Windows.", "Linux 등 대부분은 SSH, Windows는 X.509입니다.";
    keypair_kind_ssh = "SSH", "SSH";
    keypair_kind_x509 = "X.509 certificate", "X.509 인증서";
    keypair_fingerprint = "Fingerprint", "지문";
    keypair_public = "Public key", "공개 키";
    keypair_public_lead = "This half may be known to anybody.", "누구에게 알려져도 되는 키입니다.";
    keypair_public_hint = "One line, as in ~/.ssh/id_ed25519.pub", "~/.ssh/id_ed25519.pub에 있는 한 줄";
    keypair_public_file = "Or from a file", "또는 파일에서";
    keypair_private = "Private key", "개인 키";
    keypair_made(name) = "Key pair {name}", "키 페어 {name}";
    keypair_once(name) = "This is the private key of “{name}”. It is shown only now: save it.", "“{name}”의 개인 키입니다. 지금만 보이니 저장하세요.";
    keypair_download(file) = "Download {file}", "{file} 내려받기";
    keypair_downloaded(file) = "Downloaded {file}", "{file} 파일을 내려받았습니다";
    keypair_kept = "I saved it, close", "저장했으니 닫기";
    keypair_how = "How to use it", "사용 방법";
    keypair_how_text = "SSH takes a private key only from a file that nobody else can read.", "SSH는 남이 읽을 수 없는 파일의 개인 키만 받아들입니다.";
    keypair_how_user = "USER", "사용자";
    keypair_how_address = "ADDRESS", "주소";
    keypair_used_by = "Servers with this key", "이 키로 만든 서버";
    keypair_unused = "No server of this project was made with it.", "이 프로젝트에는 이 키로 만든 서버가 없습니다.";
    keypair_import = "Import public key", "공개 키 가져오기";
    keypair_import_lead = "Bring the public half of a key that you already have; the private one stays with you.", "이미 있는 키의 공개 키를 넣으세요. 개인 키는 그대로 본인에게 있습니다.";
    keypair_imported(name) = "Key pair “{name}” imported", "‘{name}’ 키 페어를 가져왔습니다";
    keypair_needs_name = "Give the key pair a name.", "키 페어 이름을 입력하세요.";
    keypair_needs_public = "Paste the public key, or choose its file.", "공개 키를 붙여넣거나 파일을 고르세요.";
    keypair_is_private = "That is a private key, which should stay with you. The public one is in the file that ends in .pub. Nothing was kept.", "그것은 본인만 가져야 할 개인 키입니다. 공개 키는 .pub으로 끝나는 파일에 있습니다. 아무것도 저장하지 않았습니다.";
    keypair_delete_note(count) = "1 server was created with it." | "{count} servers were created with it.", "이 키 페어로 만든 서버가 {count}대 있습니다.";
}
